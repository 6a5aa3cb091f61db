//go:build extended

package kubernetes_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const duration = time.Minute

// place is a namespace of a real API server.
type place struct {
	server    *servers.Kubernetes
	namespace string
}

func newPlace(t *testing.T, server *servers.Kubernetes) place {
	t.Helper()
	return place{server: server, namespace: server.Namespace(t)}
}

func (p place) path(name string) string {
	return "/apis/coordination.k8s.io/v1/namespaces/" + p.namespace + "/leases/" + name
}

func (p place) lease(t *testing.T, name string) *coordination.Lease {
	t.Helper()
	lease := &coordination.Lease{}
	p.server.Do(t, http.MethodGet, p.path(name), nil, lease)
	return lease
}

// make makes an empty Lease, as etcd-druid does for its members and backups.
func (p place) make(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		p.server.Do(t, http.MethodPost, p.path(""), map[string]any{"metadata": map[string]any{"name": name}}, nil)
	}
}

func (p place) patch(t *testing.T, name string, spec map[string]any) {
	t.Helper()
	p.server.Do(t, http.MethodPatch, p.path(name), map[string]any{"spec": spec}, nil)
}

// open returns adapters for a token. The namespace comes from the kubeconfig.
func (p place) open(t *testing.T, token string, change ...func(*kubernetes.Config)) (*kubernetes.Heartbeats, *kubernetes.Marks) {
	t.Helper()
	cfg := kubernetes.Config{Kubeconfig: p.server.Kubeconfig(t, token, p.namespace), Duration: duration}
	for _, c := range change {
		c(&cfg)
	}
	h, m, err := kubernetes.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h, m
}

func withMarks(c *kubernetes.Config) { c.FullLease, c.DeltaLease = "etcd-full-snap", "etcd-delta-snap" }

func micro(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// TestExtendedKubernetes starts the API server once for all.
func TestExtendedKubernetes(t *testing.T) {
	began := time.Now()
	server := servers.StartKubernetes(t)
	t.Logf("the API server was ready after %s", time.Since(began).Round(100*time.Millisecond))
	for _, c := range []struct {
		name string
		run  func(t *testing.T, server *servers.Kubernetes)
	}{
		{"contract", satisfiesTheContract},
		{"get and patch suffice where the leases exist", getAndPatchSuffice},
		{"what is missing is told with the rule", missingRightsAreTold},
		{"what druid reads of a member", druidReadsMembers},
		{"leases of etcd-backup-restore are read and taken over", takesOverFromTheReference},
		{"what druid reads of the backup", druidReadsMarks},
		{"marks are never lowered", marksAreNeverLowered},
		{"marks of two leaders at once", marksOfTwoLeaders},
		{"another writer in between is no harm", anotherWriterInBetween},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, server) })
	}
}

func satisfiesTheContract(t *testing.T, server *servers.Kubernetes) {
	contract.Run(t, "kubernetes", func(t *testing.T) contract.World {
		p := newPlace(t, server)
		token := server.Identity(t, p.namespace, servers.Rule{Verbs: kubernetes.Verbs()})
		return contract.World{
			TTL:    duration,
			Shared: true,
			Open: func(t *testing.T) ports.Heartbeats {
				h, _ := p.open(t, token)
				return h
			},
			Lapse: func(t *testing.T, name string) {
				p.patch(t, name, map[string]any{"renewTime": micro(time.Now().Add(-duration))})
			},
			Remove: func(t *testing.T, name string) {
				server.Do(t, http.MethodDelete, p.path(name), nil, nil)
			},
			Spoil: func(t *testing.T, name string) {
				p.spoil(t, name)
			},
			Unreachable: unreachable,
		}
	})
}

// spoil makes a Lease of that name somebody's who is no member.
func (p place) spoil(t *testing.T, name string) {
	t.Helper()
	var all coordination.LeaseList
	p.server.Do(t, http.MethodGet, p.path(""), nil, &all)
	if !slices.ContainsFunc(all.Items, func(l coordination.Lease) bool { return l.Name == name }) {
		p.make(t, name)
	}
	p.patch(t, name, map[string]any{"holderIdentity": "host-1_8e1f", "renewTime": micro(time.Now())})
}

func getAndPatchSuffice(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	p.make(t, "etcd-main-0", "etcd-full-snap", "etcd-delta-snap")
	h, m := p.open(t, server.Identity(t, p.namespace,
		servers.Rule{Verbs: []string{"get", "patch"}, Names: []string{"etcd-main-0", "etcd-full-snap", "etcd-delta-snap"}}), withMarks)
	for range 3 {
		if err := h.Renew(t.Context(), contract.Beat(0)); err != nil {
			t.Fatal(err)
		}
		if err := m.Publish(t.Context(), heartbeat.Marks{Full: 7, FullAt: time.Now(), Delta: 9, Current: true}); err != nil {
			t.Fatal(err)
		}
	}
	// etcd lets two members have one name.
	found, err := h.List(t.Context(), append(contract.Members()[:1], cluster.Member{ID: 0xe, Name: "etcd-main-0"}))
	if err != nil || len(found) != 1 || found[0].Card != contract.Beat(0).Card {
		t.Errorf("found %+v, %v", found, err)
	}
}

// missingRightsAreTold takes one verb after the other away, so it also shows that
// each of Verbs is used.
func missingRightsAreTold(t *testing.T, server *servers.Kubernetes) {
	renew := func(p place, h *kubernetes.Heartbeats, m *kubernetes.Marks) error {
		return h.Renew(t.Context(), contract.Beat(0))
	}
	list := func(p place, h *kubernetes.Heartbeats, m *kubernetes.Marks) error {
		_, err := h.List(t.Context(), contract.Members())
		return err
	}
	publish := func(p place, h *kubernetes.Heartbeats, m *kubernetes.Marks) error {
		return m.Publish(t.Context(), heartbeat.Marks{Full: 1, Delta: 2})
	}
	for _, c := range []struct {
		name   string
		rules  []servers.Rule
		exists bool // the Leases
		call   func(place, *kubernetes.Heartbeats, *kubernetes.Marks) error
		remedy []string
	}{
		{"nothing is granted", nil, true, renew, []string{"get and patch", "etcd-main-0", "rbac.yaml"}},
		{"nothing is granted, looking", nil, true, list, []string{"get and patch", "etcd-main-0"}},
		{"no get", []servers.Rule{{Verbs: []string{"patch", "create"}}}, true, renew, []string{"get and patch"}},
		{"no patch", []servers.Rule{{Verbs: []string{"get", "create"}}}, true, renew, []string{"get and patch"}},
		{"no create, and no lease", []servers.Rule{{Verbs: []string{"get", "patch"}}}, false, renew, []string{"create it beforehand", "verb create"}},
		{"no create, and no lease for marks", []servers.Rule{{Verbs: []string{"get", "patch"}}}, false, publish, []string{"create it beforehand"}},
		{"of another's lease", []servers.Rule{{Verbs: []string{"get", "patch"}, Names: []string{"etcd-main-1"}}}, true, renew, []string{"etcd-main-0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t, server)
			if c.exists {
				p.make(t, "etcd-main-0", "etcd-full-snap", "etcd-delta-snap")
			}
			h, m := p.open(t, server.Identity(t, p.namespace, c.rules...), withMarks)
			told(t, c.call(p, h, m), fault.Unauthorized, append(c.remedy, "leases of coordination.k8s.io", "namespace "+p.namespace)...)
		})
	}
	t.Run("a token of nobody", func(t *testing.T) {
		p := newPlace(t, server)
		h, _ := p.open(t, "forged")
		told(t, renew(p, h, nil), fault.Unauthorized, "token")
	})
	t.Run("no such namespace", func(t *testing.T) {
		p := newPlace(t, server)
		// Nobody is granted anything where there is no namespace, so only an
		// administrator hears of it.
		h, _ := p.open(t, server.Admin(), func(c *kubernetes.Config) { c.Namespace = "nowhere" })
		told(t, renew(p, h, nil), fault.NotFound, "create the namespace nowhere")
	})
}

// druidReadsMembers looks at a member's Lease as internal/health of etcd-druid
// does.
func druidReadsMembers(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	h, _ := p.open(t, server.Admin(), func(c *kubernetes.Config) { c.MemberLease = "etcd-main-0" })
	for _, c := range []struct {
		change       func(*heartbeat.Beat)
		holder, tls  string
		address, why string
	}{
		{func(*heartbeat.Beat) {}, "a1a2a3a4a5a6a7a8:c1c2c3c4c5c6c7c8:Leader", "true", "https://etcd-main-0:8380", "a leader"},
		{func(b *heartbeat.Beat) { b.Leader = false }, "a1a2a3a4a5a6a7a8:c1c2c3c4c5c6c7c8:Member", "true", "https://etcd-main-0:8380", "a follower or a learner"},
		{func(b *heartbeat.Beat) { b.PeerTLS, b.Address, b.MemberID = nil, "", 0xa }, "", "", "", ""},
		{func(b *heartbeat.Beat) { b.PeerTLS, b.Address = new(false), "" }, "a1a2a3a4a5a6a7a8:c1c2c3c4c5c6c7c8:Leader", "false", "", "peers in plain text, nobody reaches it"},
		{func(b *heartbeat.Beat) { b.PeerTLS = nil }, "a1a2a3a4a5a6a7a8:c1c2c3c4c5c6c7c8:Leader", "false", "https://etcd-main-0:8380", "nobody knows yet, so it is left as it is"},
	} {
		b := contract.Beat(0)
		b.Name = "another-name" // the setting decides
		c.change(&b)
		before := time.Now().Add(-time.Second)
		err := h.Renew(t.Context(), b)
		if c.holder == "" {
			told(t, err, fault.Conflict, "free in")
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		l := p.lease(t, "etcd-main-0")
		if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity != c.holder || l.Spec.RenewTime == nil || l.Spec.RenewTime.Before(&meta.MicroTime{Time: before}) {
			t.Errorf("%s: %+v", c.why, l.Spec)
		}
		if *l.Spec.LeaseDurationSeconds != int32(duration/time.Second) {
			t.Errorf("%s: %d s", c.why, *l.Spec.LeaseDurationSeconds)
		}
		if got := l.Annotations["member.etcd.gardener.cloud/tls-enabled"]; got != c.tls {
			t.Errorf("%s: tls-enabled is %q", c.why, got)
		}
		if got, ok := l.Annotations["revkeeper.github.io/address"]; got != c.address || ok != (c.address != "") {
			t.Errorf("%s: the address is %q", c.why, got)
		}
	}
}

// takesOverFromTheReference: both sidecars write the same Leases, so one can be
// put in the other's place.
func takesOverFromTheReference(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	h, _ := p.open(t, server.Admin())
	mine := contract.Beat(0)
	p.make(t, "etcd-main-0", "etcd-main-1", "etcd-main-2")
	p.patch(t, "etcd-main-0", map[string]any{"holderIdentity": "a1a2a3a4a5a6a7a8:Leader", "renewTime": micro(time.Now())}) // before v0.40
	p.patch(t, "etcd-main-1", map[string]any{"holderIdentity": "b2:c1c2c3c4c5c6c7c8:Member", "renewTime": micro(time.Now())})
	found, err := h.List(t.Context(), contract.Members())
	want := heartbeat.Card{Name: "etcd-main-1", ClusterID: contract.ClusterID, MemberID: 0xb2}
	if err != nil || len(found) != 1 || found[0].Card != want || found[0].TTL != duration || found[0].Lapsed() {
		t.Errorf("found %+v, %v", found, err)
	}
	other := contract.Beat(1)
	other.Name = mine.Name
	told(t, h.Renew(t.Context(), other), fault.Conflict, "free in")
	if err := h.Renew(t.Context(), mine); err != nil {
		t.Error(err)
	}
}

// anotherWriterInBetween writes the Lease after it was read and before it is
// patched, so that the server refuses what is stale.
func anotherWriterInBetween(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	direct, _ := p.open(t, server.Admin())
	b := contract.Beat(0)
	if err := direct.Renew(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var between, refused int
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	// TLS, since no token is sent without.
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{
		Transport: server.Transport(),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if r.In.Method == http.MethodPatch && between < 3 {
				between++
				p.server.Do(t, http.MethodPatch, p.path(b.Name), map[string]any{
					"metadata": map[string]any{"labels": map[string]any{"between": strconv.Itoa(between)}},
				}, nil)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusConflict {
				refused++
			}
			return nil
		},
	})
	defer proxy.Close()
	h, _, err := kubernetes.New(kubernetes.Config{Duration: duration,
		Kubeconfig: servers.WriteKubeconfig(t, proxy.URL, authority(t, proxy), server.Admin(), p.namespace)})
	if err != nil {
		t.Fatal(err)
	}
	b.Version = "v9"
	if err := h.Renew(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	l := p.lease(t, b.Name)
	if l.Annotations["revkeeper.github.io/version"] != "v9" || l.Labels["between"] != "3" || refused != 3 {
		t.Errorf("after %d refusals: %+v", refused, l.ObjectMeta)
	}
}
