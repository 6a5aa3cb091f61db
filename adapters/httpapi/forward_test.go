package httpapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

var aFull = &snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 7, ID: "0a1b2c3d"}

// follower is a sidecar that takes whoever answers at address for the leader's.
func follower(t *testing.T, address string) *sidecar {
	t.Helper()
	return &sidecar{
		view:   health.View{Role: role.Follower, Reason: "the own member follows"},
		leader: func(context.Context) (string, error) { return address, nil },
		peers:  peersOf(t, httpapi.Config{}),
		full: func(context.Context) (*snapshot.Ref, error) {
			t.Error("a follower was asked for a full")
			return nil, fault.New(fault.Unavailable, "take", "full", "this sidecar is Follower")
		},
	}
}

func peersOf(t *testing.T, config httpapi.Config) *client.Client {
	t.Helper()
	c := client.New(config.Client())
	t.Cleanup(c.Close)
	return c
}

func leading(full func(context.Context) (*snapshot.Ref, error)) *sidecar {
	return &sidecar{view: health.View{Role: role.Leader}, full: full}
}

func taken(context.Context) (*snapshot.Ref, error) { return aFull, nil }

func TestWhatOnlyTheLeaderCanDoReachesIt(t *testing.T) {
	for _, tc := range []struct {
		name string
		full func(context.Context) (*snapshot.Ref, error)
		want int
	}{
		{"a full", taken, 200},
		{"nothing changed", func(context.Context) (*snapshot.Ref, error) { return nil, nil }, 200},
		{"a conflict", func(context.Context) (*snapshot.Ref, error) {
			return nil, fault.New(fault.Conflict, "take", "full", "another is being taken").WithRemedy("wait for it")
		}, 409},
		{"a backup that is not running", func(context.Context) (*snapshot.Ref, error) {
			return nil, fault.New(fault.Unavailable, "take", "full", "this sidecar is not backing up")
		}, 503},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, _ := running(t, leading(tc.full))
			direct, handedOn := ask(t, leading(tc.full), "POST", "/v1/snapshots/full", ""), ask(t, follower(t, base), "POST", "/v1/snapshots/full", "")
			if handedOn.Code != tc.want || handedOn.Code != direct.Code || handedOn.Body.String() != direct.Body.String() {
				t.Errorf("status %d: %s\nthe leader says %d: %s", handedOn.Code, handedOn.Body, direct.Code, direct.Body)
			}
			if got, want := handedOn.Header().Get("Content-Type"), direct.Header().Get("Content-Type"); got != want {
				t.Errorf("content type %q, the leader says %q", got, want)
			}
		})
	}
	t.Run("a delta", func(t *testing.T) {
		base, _ := running(t, leading(nil))
		if w := ask(t, follower(t, base), "POST", "/v1/snapshots/delta", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"taken":false`) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

func TestWhatEverySidecarCanDoStaysWithIt(t *testing.T) {
	side := follower(t, "http://127.0.0.1:1")
	for _, path := range []string{"/v1/status", "/v1/members", "/v1/snapshots", "/v1/events", "/healthz"} {
		if w := ask(t, side, "GET", path, ""); w.Code >= 500 && path != "/healthz" {
			t.Errorf("%s: status %d: %s", path, w.Code, w.Body)
		}
	}
	if w := ask(t, side, "GET", "/v1/snapshots/full", ""); w.Code != 405 {
		t.Errorf("a full by GET: status %d", w.Code)
	}
}

func TestRequestsThatCannotBeHandedOn(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + silent.Addr().String()
	_ = silent.Close()
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, zeros{}, 2<<20)
	}))
	t.Cleanup(huge.Close)
	rude := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(rude.Close)
	for _, tc := range []struct {
		name   string
		change func(*sidecar)
		says   string
	}{
		{"no leader is known", func(s *sidecar) {
			s.leader = func(context.Context) (string, error) {
				return "", fault.New(fault.Unavailable, "find", "leader", "etcd has no leader").WithRemedy("look at etcd")
			}
		}, "etcd has no leader"},
		{"the leader's sidecar names no address", func(s *sidecar) { s.leader = leaderAt("") }, "names no address"},
		{"nobody listens there", func(s *sidecar) { s.leader = leaderAt(nobody) }, "refused"},
		{"an address that is none", func(s *sidecar) { s.leader = leaderAt("m1:8380") }, "http://"},
		{"an answer without end", func(s *sidecar) { s.leader = leaderAt(huge.URL) }, "more than"},
		{"it hangs up", func(s *sidecar) { s.leader = leaderAt(rude.URL) }, "EOF"},
		{"it cannot be found in time", func(s *sidecar) {
			s.leader = func(context.Context) (string, error) { return "", context.DeadlineExceeded }
		}, "deadline"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			side := follower(t, nobody)
			tc.change(side)
			w := ask(t, side, "POST", "/v1/snapshots/full", "")
			p := problemOf(t, w)
			if w.Code != 503 || p.Kind != openapi.FaultKindUnavailable || p.Remedy == "" {
				t.Errorf("status %d, problem %+v", w.Code, p)
			}
			if !strings.Contains(p.Detail, "this sidecar is Follower") || !strings.Contains(p.Detail+p.Remedy, tc.says) || strings.Contains(p.Detail, p.Remedy) {
				t.Errorf("it says %q (%q), not %q", p.Detail, p.Remedy, tc.says)
			}
		})
	}
	t.Run("the leader advertises the own address", func(t *testing.T) {
		side := follower(t, "")
		server, _ := runningWith(t, side, httpapi.Config{Listen: "127.0.0.1:0"})
		side.leader = leaderAt(server.Advertised())
		w := asked(t, serverOf(side, httpapi.Config{Listen: "127.0.0.1:0", Advertise: server.Advertised()}).Handler(), "POST", local+"/v1/snapshots/full")
		if p := problemOf(t, w); w.Code != 503 || !strings.Contains(p.Detail, "own address") {
			t.Errorf("status %d, problem %+v", w.Code, p)
		}
	})
}

func leaderAt(address string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return address, nil }
}

// Two followers that take each other for the leader's do not ask each other for
// ever.
func TestRequestIsHandedOnOnce(t *testing.T) {
	var asks atomic.Int32
	a, b := follower(t, ""), follower(t, "")
	var baseA, baseB string
	a.leader = func(context.Context) (string, error) { asks.Add(1); return baseB, nil }
	b.leader = func(context.Context) (string, error) { asks.Add(1); return baseA, nil }
	baseA, _ = running(t, a)
	baseB, _ = running(t, b)
	w := ask(t, a, "POST", "/v1/snapshots/full", "")
	if p := problemOf(t, w); w.Code != 503 || !strings.Contains(p.Detail, "handed on already") {
		t.Errorf("status %d, problem %+v", w.Code, p)
	}
	if n := asks.Load(); n != 1 {
		t.Errorf("the leader was looked for %d times", n)
	}
}

func TestCallerThatHangsUpEndsTheFullOfTheLeader(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	base, _ := running(t, leading(func(ctx context.Context) (*snapshot.Ref, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}))
	own, _ := running(t, follower(t, base))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	r, err := http.NewRequestWithContext(ctx, "POST", own+"/v1/snapshots/full", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(r); err == nil {
		_ = answer.Body.Close()
		t.Errorf("answered %s", answer.Status)
	}
	<-ended
}

// The caller's right is shown to the leader's sidecar, and ours where the caller
// shows none.
func TestTokenIsCarriedToTheLeader(t *testing.T) {
	secret := tokenFile(t)
	leader, _ := runningWith(t, leading(taken), httpapi.Config{Listen: "127.0.0.1:0", TokenFile: secret})
	for _, tc := range []struct {
		name    string
		wanted  string // the follower's own token file
		peers   httpapi.Config
		headers []string
		want    int
	}{
		{"the caller's", secret, httpapi.Config{}, []string{"Authorization: Bearer " + token}, 200},
		{"a browser's", secret, httpapi.Config{}, []string{basic("me", token)}, 200},
		{"the own", "", httpapi.Config{TokenFile: secret}, nil, 200},
		{"none at all", "", httpapi.Config{}, nil, 401},
		{"the caller's wins", "", httpapi.Config{TokenFile: secret}, []string{"Authorization: Bearer wrong"}, 401},
		{"a caller without any does not even get past the follower", secret, httpapi.Config{TokenFile: secret}, nil, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			side := follower(t, leader.Advertised())
			side.peers = peersOf(t, tc.peers)
			handler := serverOf(side, httpapi.Config{Listen: ":0", TokenFile: tc.wanted}).Handler()
			w := asked(t, handler, "POST", "/v1/snapshots/full", tc.headers...)
			if w.Code != tc.want {
				t.Errorf("status %d, want %d: %s", w.Code, tc.want, w.Body)
			}
			if tc.want == 401 && len(w.Header().Values("WWW-Authenticate")) != 2 {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}
