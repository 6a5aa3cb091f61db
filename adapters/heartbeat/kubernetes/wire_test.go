package kubernetes_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// These are answers that a real API server cannot be made to give. Everything
// else is shown with a real one, by `make test-extended`.

// silence is how long a server that does not answer is waited for.
const silence = 300 * time.Millisecond

var (
	beat    = heartbeat.Beat{Card: heartbeat.Card{Name: "etcd-0", ClusterID: 0xc, MemberID: 0xa}}
	marks   = heartbeat.Marks{Full: 1, Delta: 2, Current: true}
	members = []cluster.Member{{ID: 0xa, Name: "etcd-0"}}
)

// open returns both adapters on the server at url.
func open(t *testing.T, url, ca string) (*kubernetes.Heartbeats, *kubernetes.Marks) {
	t.Helper()
	h, m, err := kubernetes.New(kubernetes.Config{
		Kubeconfig: servers.WriteKubeconfig(t, url, ca, "a token", ""), Namespace: "etcd",
		FullLease: "full", DeltaLease: "delta", Duration: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, m
}

// unreachable returns an adapter on a server that takes connections and never
// answers.
func unreachable(t *testing.T) ports.Heartbeats {
	h, _ := open(t, silent(t), "")
	return h
}

func silent(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "https://" + l.Addr().String()
}

// calls are what the adapters can be asked.
func calls(h *kubernetes.Heartbeats, m *kubernetes.Marks) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"renew":   func(ctx context.Context) error { return h.Renew(ctx, beat) },
		"list":    func(ctx context.Context) error { _, err := h.List(ctx, members); return err },
		"publish": func(ctx context.Context) error { return m.Publish(ctx, marks) },
	}
}

func TestASilentServerIsWaitedForNoLongerThanAllowed(t *testing.T) {
	for name, call := range calls(open(t, silent(t), "")) {
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		err := call(ctx)
		cancel()
		if told(t, err, fault.Unavailable); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "https://127.0.0.1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, call := range calls(open(t, gone.URL, "")) {
		told(t, call(t.Context()), fault.Unavailable)
	}
}

// status answers everything with a status, and counts.
func status(t *testing.T, code int, header ...string) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestAServerThatIsTroubledIsUnavailable(t *testing.T) {
	for _, code := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusOK} {
		url, _ := status(t, code) // a success without a Lease is a broken proxy's
		for _, call := range calls(open(t, url, "")) {
			told(t, call(t.Context()), fault.Unavailable)
		}
	}
}

func TestAServerThatAsksToComeAgainIsObeyedNotForEver(t *testing.T) {
	url, asked := status(t, http.StatusTooManyRequests, "Retry-After", "0")
	h, _ := open(t, url, "")
	told(t, h.Renew(t.Context(), beat), fault.Unavailable)
	if n := asked.Load(); n < 2 || n > 5 {
		t.Errorf("it was asked %d times", n)
	}

	url, asked = status(t, http.StatusTooManyRequests, "Retry-After", "3600")
	for name, call := range calls(open(t, url, "")) {
		asked.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		err := call(ctx)
		cancel()
		if told(t, err, fault.Unavailable); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if n := asked.Load(); n > 2 {
			t.Errorf("%s: it was asked %d times within the hour", name, n)
		}
	}
}

// TestAStormOfConflictsEnds: somebody else is always faster.
func TestAStormOfConflictsEnds(t *testing.T) {
	var patches atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprint(w, `{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"etcd-0","resourceVersion":"1"}}`)
			return
		}
		patches.Add(1)
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)
	}))
	defer s.Close()
	h, _ := open(t, s.URL, "")
	ctx, cancel := context.WithTimeout(t.Context(), silence)
	defer cancel()
	err := h.Renew(ctx, beat)
	if told(t, err, fault.Unavailable); patches.Load() < 2 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("after %d tries: %v", patches.Load(), err)
	}
}

// TestOneLeaseThatCannotBeReadHidesNoOther: rights go by name, and whoever added
// a member may have forgotten its Lease.
func TestOneLeaseThatCannotBeReadHidesNoOther(t *testing.T) {
	const (
		there     = "there"
		missing   = "missing"
		forbidden = "forbidden"
		broken    = "broken"
	)
	for _, tc := range []struct {
		name   string
		leases []string // of etcd-0, etcd-1, …
		want   string   // the names found
		kind   fault.Kind
	}{
		{"all can be read", []string{there, there}, "etcd-0 etcd-1", ""},
		{"the first is forbidden", []string{forbidden, there, there}, "etcd-1 etcd-2", ""},
		{"the last is forbidden", []string{there, forbidden}, "etcd-0", ""},
		{"one is forbidden, one is not there", []string{missing, there, forbidden}, "etcd-1", ""},
		{"one cannot be had", []string{there, broken, there}, "etcd-0 etcd-2", ""},
		{"none is there", []string{missing, missing}, "", ""},
		{"all are forbidden", []string{forbidden, forbidden}, "", fault.Unauthorized},
		{"all fail, and the first says why", []string{broken, forbidden}, "", fault.Unavailable},
		{"none is found, and one may have been", []string{missing, forbidden}, "", fault.Unauthorized},
	} {
		t.Run(tc.name, func(t *testing.T) {
			of := map[string]string{}
			var members []cluster.Member
			for i, state := range tc.leases {
				name := fmt.Sprintf("etcd-%d", i)
				of[name], members = state, append(members, cluster.Member{ID: cluster.ID(i + 1), Name: name})
			}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name := path.Base(r.URL.Path)
				answer := map[string]string{
					there: `{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"` + name + `"},` +
						`"spec":{"holderIdentity":"a:c:Member","renewTime":"` + time.Now().UTC().Format("2006-01-02T15:04:05.000000Z") + `"}}`,
					missing:   `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`,
					forbidden: `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`,
				}[of[name]]
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(map[string]int{there: 200, missing: 404, forbidden: 403, broken: 500}[of[name]])
				_, _ = fmt.Fprint(w, answer)
			}))
			defer s.Close()
			h, _ := open(t, s.URL, "")
			found, err := h.List(t.Context(), members)
			var names []string
			for _, seen := range found {
				names = append(names, seen.Card.Name)
			}
			if got := strings.Join(names, " "); got != tc.want || fault.KindOf(err) != tc.kind {
				t.Errorf("found %q, %v, want %q, %q", got, err, tc.want, tc.kind)
			}
		})
	}
}

func TestRefusedTLSIsToldWithTheRemedy(t *testing.T) {
	stranger := httptest.NewTLSServer(nil)
	defer stranger.Close()
	h, _ := open(t, stranger.URL, "")
	told(t, h.Renew(t.Context(), beat), fault.Unauthorized, "authority of the certificate")

	strict := httptest.NewUnstartedServer(nil)
	strict.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	strict.StartTLS()
	defer strict.Close()
	h, _ = open(t, strict.URL, authority(t, strict))
	told(t, h.Renew(t.Context(), beat), fault.Unauthorized, "client certificate")
}

// authority writes the certificate of a TLS server and returns the file.
func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// told fails the test unless err is of that kind and its remedy holds the words.
func told(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("got %v, want %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(e.Remedy, w) {
			t.Errorf("the remedy %q does not say %q", e.Remedy, w)
		}
	}
}
