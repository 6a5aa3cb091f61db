package httpapi_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/servers"
)

var at = time.Date(2026, 3, 1, 14, 3, 5, 0, time.UTC)

// everything is a view of which every field is set.
func everything() health.View {
	return health.View{
		Name: "m1", Version: "v1.2.3", StartedAt: at, Endpoint: "https://127.0.0.1:2379", Store: "s3://bucket/prefix",
		Role: role.Leader, Since: at, Reason: "the own member leads etcd", Duties: role.Leader.Duties(),
		Member: cluster.Status{
			ClusterID: 0xcdf818194e3a8c32, MemberID: 0x8e9e05c52164694d, Leader: 1, Learner: true, Version: "3.7.3",
			Revision: 812345, RaftTerm: math.MaxUint64, RaftIndex: 9, RaftApplied: 8,
			DBSize: 3, DBInUse: 2, DBQuota: 4, Errors: []string{"memberID:7 alarm:NOSPACE"},
		},
		SeenAt: at,
		Backup: health.Backup{
			Phase: "watching", Epoch: 1, Durable: 812300, DurableAt: at, Live: 812345, CaughtUpAt: at,
			Windows:    []chain.Range{{First: 5, Last: 9}, {First: 20, Last: 812300}},
			LastFull:   &snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: 3, Last: 9, At: at, ID: "0a1b2c3d", Compression: snapshot.Zstd},
			LastDelta:  &snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: 10, Last: 19, At: at, ID: "0123456789abcdef"},
			SpillBytes: 77, LastError: "503", LastErrorAt: at,
		},
		Fresh:     health.Freshness{Fresh: true, Behind: 5123456789, Lag: 45, Reason: "durable"},
		Heartbeat: heartbeat.State{Status: heartbeat.Suspended, Detail: heartbeat.NoSpace, RenewedAt: at},
		Retention: retention.State{Rule: "the newest 7 fulls", Next: at, Running: true, Last: &retention.Summary{
			At: at, Took: time.Second, DryRun: true, Stopped: "stale", Error: "away", Kept: 1, Deleted: 2, KeptBytes: 3, DeletedBytes: 4,
			Locked: 5, Failed: 6, Spared: 7, Left: 8, Swept: 9, ReadBack: 10, ReadBackBytes: 11, Damaged: 12}},
		Proof: proof.Standing{Recorded: proof.Point{Epoch: 1, Revision: 812000, At: at, Took: time.Second}, Verified: proof.Point{Epoch: 1, Revision: 811500, At: at, Took: time.Minute},
			Differ: &proof.Disagreement{Revision: 811000, Compact: 810000, Members: []cluster.ID{1, 0xfedc}, Detail: "a 1, b 2", At: at}},
	}
}

func TestViewOfAnotherSidecarIsWhatItSays(t *testing.T) {
	resting := health.View{Role: role.Follower, Heartbeat: heartbeat.State{Status: heartbeat.Resting}, Member: cluster.Status{Errors: []string{}}}
	for name, want := range map[string]health.View{"everything": everything(), "nothing": resting} {
		t.Run(name, func(t *testing.T) {
			base, _ := running(t, &sidecar{view: want})
			for _, address := range []string{base, base + "/"} {
				got, err := peersOf(t, httpapi.Config{}).View(t.Context(), address)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			}
		})
	}
}

// A field that is added to a view and not carried would pass unseen.
func TestEverythingIsEverything(t *testing.T) {
	v := everything()
	for _, of := range []any{v, v.Backup, v.Member, v.Fresh, v.Heartbeat, v.Retention, *v.Retention.Last} {
		for i := range reflect.TypeOf(of).NumField() {
			name := reflect.TypeOf(of).Field(i).Name
			if name == "Sight" {
				continue // for the own metrics; others are told the role and its reason
			}
			if reflect.ValueOf(of).Field(i).IsZero() {
				t.Errorf("%T: %s is not set", of, name)
			}
		}
	}
}

func TestMembersOfAnotherSidecar(t *testing.T) {
	seen := health.Assess(threeMembers())
	base, _ := running(t, &sidecar{last: seen})
	got, err := peersOf(t, httpapi.Config{}).Members(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	if want := httpapi.Cluster(seen); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(got.Members) != 4 || got.Healthy || got.Members[3].Error != "refused" || got.Members[3].Sidecar.Role != "" || got.Members[0].Heartbeat.TtlSeconds != 20 {
		t.Errorf("got %+v", got)
	}
}

func TestAnnouncementsReachTheMembersSidecar(t *testing.T) {
	side := &sidecar{announce: func(member cluster.ID, reason string, during time.Duration) (string, error) {
		if member != 0x8e9e05c52164694d {
			return "", fault.New(fault.Conflict, "announce", "maintenance", "the own member is 8e9e05c52164694d")
		}
		if reason != "défragmentation & more" || during != 8*time.Second {
			t.Errorf("announced %q for %s", reason, during)
		}
		return "a/b c", nil
	}}
	base, _ := running(t, side)
	var peers ports.Sidecars = peersOf(t, httpapi.Config{})
	id, err := peers.Announce(t.Context(), base, 0x8e9e05c52164694d, "défragmentation & more", 7100*time.Millisecond)
	if err != nil || id != "a/b c" {
		t.Errorf("announced as %q: %v", id, err)
	}
	for range 2 {
		if err := peers.Withdraw(t.Context(), base, id); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(side.withdrawn, ", "); got != "a/b c, a/b c" {
		t.Errorf("withdrawn: %s", got)
	}
	for name, tc := range map[string]struct {
		member cluster.ID
		reason string
		during time.Duration
		want   fault.Kind
	}{
		"another member": {1, "because", time.Second, fault.Conflict},
		"nobody":         {0, "because", time.Second, fault.Invalid},
		"no reason":      {1, " ", time.Second, fault.Invalid},
		"too much":       {1, strings.Repeat("because ", 100), time.Second, fault.Invalid},
		"too long":       {1, "because", role.Longest + 1, fault.Invalid},
		"no time":        {1, "because", 0, fault.Invalid},
	} {
		if _, err := peers.Announce(t.Context(), base, tc.member, tc.reason, tc.during); fault.KindOf(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if err := peers.Withdraw(t.Context(), base, ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("withdrawn without an id: %v", err)
	}
}

func TestTokensAmongSidecars(t *testing.T) {
	secret, other := tokenFile(t), tokenFile(t)
	writeToken(t, other, "wrong", time.Now().Add(-time.Hour))
	server, _ := runningWith(t, &sidecar{view: everything()}, httpapi.Config{Listen: "127.0.0.1:0", TokenFile: secret})
	expect := func(name, file string, want fault.Kind) {
		t.Helper()
		_, err := peersOf(t, httpapi.Config{TokenFile: file}).View(t.Context(), server.Advertised())
		if fault.KindOf(err) != want {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the token is shown: %v", name, err)
		}
	}
	expect("with the token", secret, "")
	expect("without", "", fault.Unauthorized)
	expect("with another", other, fault.Unauthorized)
	expect("with a file that is none", secret+".none", fault.Invalid)

	rotating := peersOf(t, httpapi.Config{TokenFile: other})
	writeToken(t, other, token, time.Now().Add(-time.Minute))
	if _, err := rotating.View(t.Context(), server.Advertised()); err != nil {
		t.Errorf("after the file changed: %v", err)
	}
}

func TestTLSAmongSidecars(t *testing.T) {
	ours, theirs := servers.NewPKI(t), servers.NewPKI(t)
	cert, key := ours.Server()
	ourCert, ourKey := ours.Client("m2", time.Now().Add(time.Hour))
	oldCert, oldKey := ours.Client("m2", time.Now().Add(-time.Hour))
	strangeCert, strangeKey := theirs.Client("m2", time.Now().Add(time.Hour))
	open := httpapi.TLSConfig{CertFile: cert, KeyFile: key}
	closed := open
	closed.ClientCAFile = ours.CA
	for _, tc := range []struct {
		name    string
		server  httpapi.TLSConfig
		peers   client.Config
		address string // replaces https://127.0.0.1 if set
		want    fault.Kind
	}{
		{"a known authority", open, client.Config{CA: ours.CA}, "", ""},
		{"the system's authorities", open, client.Config{}, "", fault.Unauthorized},
		{"another authority", open, client.Config{CA: theirs.CA}, "", fault.Unauthorized},
		{"a name that the certificate is not for", open, client.Config{CA: ours.CA}, "https://localhost", fault.Unauthorized},
		{"without TLS", open, client.Config{}, "http://127.0.0.1", fault.Unavailable},
		{"TLS where there is none", httpapi.TLSConfig{}, client.Config{CA: ours.CA}, "", fault.Unavailable},
		{"authorities that are no file", open, client.Config{CA: cert + ".none"}, "", fault.Invalid},
		{"a certificate that is no file", open, client.Config{CA: ours.CA, Cert: cert + ".none", Key: key}, "", fault.Invalid},
		{"a certificate where none is wanted", open, client.Config{CA: ours.CA, Cert: strangeCert, Key: strangeKey}, "", ""},
		{"a certificate where one is wanted", closed, client.Config{CA: ours.CA, Cert: ourCert, Key: ourKey}, "", ""},
		{"the server's own", closed, httpapi.Config{TLS: open, Peers: httpapi.PeersConfig{CA: ours.CA}}.Client(), "", ""},
		{"no certificate where one is wanted", closed, client.Config{CA: ours.CA}, "", fault.Unauthorized},
		{"a stranger's certificate", closed, client.Config{CA: ours.CA, Cert: strangeCert, Key: strangeKey}, "", fault.Unauthorized},
		{"an expired certificate", closed, client.Config{CA: ours.CA, Cert: oldCert, Key: oldKey}, "", fault.Unauthorized},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server, _ := runningWith(t, &sidecar{view: everything()}, httpapi.Config{Listen: "127.0.0.1:0", TLS: tc.server})
			address := server.Advertised()
			_, port, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://"), ":")
			address = "https://127.0.0.1:" + port
			if tc.address != "" {
				address = tc.address + ":" + port
			}
			peers := client.New(tc.peers)
			defer peers.Close()
			for range 5 { // a refusal may arrive in several ways
				if _, err := peers.View(t.Context(), address); fault.KindOf(err) != tc.want {
					t.Fatalf("%v, want %q", err, tc.want)
				}
			}
		})
	}
}

// A client whose authority was taken out is not let in any more, and one that
// was put in is, without a restart of anybody.
func TestAuthoritiesOfClientsChange(t *testing.T) {
	ours, theirs := servers.NewPKI(t), servers.NewPKI(t)
	cert, key := ours.Server()
	known := copyOf(t, ours.CA, time.Now().Add(-time.Hour))
	server, _ := runningWith(t, &sidecar{view: everything()}, httpapi.Config{Listen: "127.0.0.1:0",
		TLS: httpapi.TLSConfig{CertFile: cert, KeyFile: key, ClientCAFile: known}})
	ask := func(pki *servers.PKI) fault.Kind {
		t.Helper()
		clientCert, clientKey := pki.Client("m2", time.Now().Add(time.Hour))
		_, err := peersOf(t, httpapi.Config{Peers: httpapi.PeersConfig{CA: ours.CA, Cert: clientCert, Key: clientKey}}).
			View(t.Context(), server.Advertised())
		return fault.KindOf(err)
	}
	if a, b := ask(ours), ask(theirs); a != "" || b != fault.Unauthorized {
		t.Errorf("before: %q, %q", a, b)
	}
	replace(t, known, theirs.CA, time.Now().Add(-time.Minute))
	if a, b := ask(ours), ask(theirs); a != fault.Unauthorized || b != "" {
		t.Errorf("after: %q, %q", a, b)
	}
}

// A leader over TLS that wants certificates is reached with them.
func TestRequestIsHandedOnOverTLS(t *testing.T) {
	ours := servers.NewPKI(t)
	cert, key := ours.Server()
	config := httpapi.Config{Listen: "127.0.0.1:0", TokenFile: tokenFile(t), Peers: httpapi.PeersConfig{CA: ours.CA},
		TLS: httpapi.TLSConfig{CertFile: cert, KeyFile: key, ClientCAFile: ours.CA}}
	leader, _ := runningWith(t, leading(taken), config)
	side := follower(t, leader.Advertised())
	side.peers = peersOf(t, config)
	w := asked(t, serverOf(side, config).Handler(), "POST", local+"/v1/snapshots/full", "Authorization: Bearer "+token)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"lastRevision":7`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	config.Peers.CA = ""
	side.peers = peersOf(t, config)
	w = asked(t, serverOf(side, config).Handler(), "POST", local+"/v1/snapshots/full", "Authorization: Bearer "+token)
	if p := problemOf(t, w); w.Code != 503 || !strings.Contains(p.Detail, "certificate") || !strings.Contains(p.Remedy, "authority") {
		t.Errorf("status %d, problem %+v", w.Code, p)
	}
}

// A forged heartbeat of the leader cannot have the caller's token, nor the own,
// sent in plain text.
func TestRequestIsNotHandedOnInPlainWhereTLSIsExpected(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked with %v", r.Header) }))
	t.Cleanup(thief.Close)
	cert, key := servers.NewPKI(t).Server()
	secret := tokenFile(t)
	for name, config := range map[string]httpapi.Config{
		"the server speaks it":         {Listen: ":0", TokenFile: secret, TLS: httpapi.TLSConfig{CertFile: cert, KeyFile: key}},
		"the others' authority is set": {Listen: ":0", TokenFile: secret, Peers: httpapi.PeersConfig{CA: cert}},
	} {
		t.Run(name, func(t *testing.T) {
			side := follower(t, thief.URL)
			side.peers = peersOf(t, config)
			w := asked(t, serverOf(side, config).Handler(), "POST", local+"/v1/snapshots/full", "Authorization: Bearer "+token)
			if p := problemOf(t, w); w.Code != 503 || !strings.Contains(p.Detail, thief.URL) || !strings.Contains(p.Remedy, "http.tls.certFile") {
				t.Errorf("status %d, problem %+v", w.Code, p)
			}
			if _, err := peersOf(t, config).View(t.Context(), thief.URL); fault.KindOf(err) != fault.Invalid {
				t.Errorf("the view: %v", err)
			}
		})
	}
}

func TestMissingAuthoritiesAreSaidAtStart(t *testing.T) {
	cert, key := servers.NewPKI(t).Server()
	err := serverOf(&sidecar{}, httpapi.Config{Listen: "127.0.0.1:0",
		TLS: httpapi.TLSConfig{CertFile: cert, KeyFile: key, ClientCAFile: cert + ".none"}}).Run(t.Context())
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), cert+".none") {
		t.Errorf("Run returned %v", err)
	}
}

func TestProblemsOfAnotherSidecarKeepTheirKind(t *testing.T) {
	for _, kind := range fault.Kinds() {
		side := &sidecar{members: func(context.Context) (health.Cluster, error) {
			return health.Cluster{}, fault.New(kind, "list", "members", "because\nof that").WithRemedy("do this")
		}}
		base, _ := running(t, side)
		_, err := peersOf(t, httpapi.Config{}).Members(t.Context(), base)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != kind || f.Detail != "list members: because of that" || f.Remedy != "do this" || f.Object != base {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
