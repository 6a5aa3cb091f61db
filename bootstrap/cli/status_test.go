package cli_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// sidecarOf answers as the sidecar that was asked for path does; a status other
// than 200 is answered with a problem.
type sidecarOf map[string]answer

type answer struct {
	status int
	body   any
}

func (s sidecarOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s[r.URL.Path]
	if !ok {
		a = answer{http.StatusNotFound, openapi.Problem{Status: 404, Kind: openapi.FaultKindNotFound, Detail: "there is nothing at this path"}}
	}
	w.Header().Set("Content-Type", "application/json")
	if a.status != http.StatusOK {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

var seenAt = time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)

func aMember(name, id string, as openapi.Role) openapi.ClusterMember {
	return openapi.ClusterMember{
		Name: name, MemberID: id, Healthy: true, Reason: "as it says",
		Heartbeat: openapi.Heartbeat{Name: name, AgeSeconds: 1.6, TtlSeconds: 20, Address: "https://10.0.0.1:8380", Version: "v1.2.3"},
		Sidecar: openapi.SidecarSummary{
			Role: as, Since: seenAt, Reason: "as it says", Version: "v1.2.3", EtcdVersion: "3.7.3",
			DurableRevision: 812300, LiveRevision: 812345, LagRevisions: 45,
			Freshness: openapi.Freshness{Fresh: true, Reason: "durable"}, Heartbeat: openapi.HeartbeatState{Status: openapi.HeartbeatStatusRenewed},
		},
	}
}

func healthyCluster() openapi.Cluster {
	leader := aMember("m1", "8e9e05c52164694d", openapi.RoleLeader)
	leader.Sidecar.Proof = openapi.ProofStanding{Recorded: openapi.ProofPoint{Timeline: 1, Revision: 812100, At: seenAt},
		Verified: openapi.ProofPoint{Timeline: 1, Revision: 790000, At: seenAt.Add(-5 * time.Hour), TookSeconds: 41.5}}
	return openapi.Cluster{ClusterID: "7", Healthy: true, Reasons: []string{}, Ignored: []string{}, Members: []openapi.ClusterMember{
		leader, aMember("m2", "2", openapi.RoleFollower),
	}}
}

func unhealthyCluster() openapi.Cluster {
	c := healthyCluster()
	lapsed, silent, learner, off := aMember("m3", "3", openapi.RoleUnknown), aMember("m4", "4", ""), aMember("", "5", openapi.RoleFollower), aMember("m6", "6", openapi.RoleFollower)
	lapsed.Heartbeat.AgeSeconds, lapsed.Healthy = 190, false
	silent.Sidecar, silent.Error, silent.Healthy = openapi.SidecarSummary{}, "refused", false
	learner.Learner, learner.Heartbeat = true, openapi.Heartbeat{}
	off.Sidecar.Heartbeat.Status = openapi.HeartbeatStatusSuspended
	c.Members = append(c.Members, lapsed, silent, learner, off)
	c.Healthy, c.Reasons, c.Ignored = false, []string{"m3: its heartbeat is 3m10s old", "m4: its sidecar does not answer: refused\n(really)"}, []string{"old is of cluster 9, this is 7"}
	return c
}

func TestStatusShowsEveryMember(t *testing.T) {
	for _, tc := range []struct {
		golden  string
		cluster openapi.Cluster
		code    int
	}{
		{"status.txt", healthyCluster(), 0},
		{"status-unhealthy.txt", unhealthyCluster(), 7},
		{"status-nobody.txt", openapi.Cluster{Reasons: []string{"the member list is not known"}, Ignored: []string{}, Members: []openapi.ClusterMember{}}, 7},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			address := serve(t, sidecarOf{"/v1/members": {200, tc.cluster}})
			got := command(t, "status", "--address", address)
			golden(t, tc.golden, got.stdout)
			if got.code != tc.code || (got.stderr == "") != (tc.code == 0) {
				t.Errorf("exit %d: %s", got.code, got.stderr)
			}
			for _, reason := range tc.cluster.Reasons {
				if !strings.Contains(got.stderr, reason) {
					t.Errorf("%q is not on stderr: %s", reason, got.stderr)
				}
			}
		})
	}
}

func TestStatusAsJSONIsTheContract(t *testing.T) {
	for want, c := range map[int]openapi.Cluster{0: healthyCluster(), 7: unhealthyCluster()} {
		got := command(t, "status", "-o", "json", "--address", serve(t, sidecarOf{"/v1/members": {200, c}}))
		var read openapi.Cluster
		d := json.NewDecoder(strings.NewReader(got.stdout))
		d.DisallowUnknownFields()
		if err := d.Decode(&read); err != nil || got.code != want {
			t.Fatalf("exit %d: %v: %s", got.code, err, got.stdout)
		}
		if len(read.Members) != len(c.Members) || read.Healthy != c.Healthy || read.Members[0].Sidecar.DurableRevision != 812300 {
			t.Errorf("got %+v", read)
		}
	}
}

// Where the others cannot be had, the own sidecar still says how it is.
func TestStatusOfOneMemberOnly(t *testing.T) {
	own := openapi.Status{
		Name: "m1", Role: openapi.RoleUnknown, Reason: "the own member knows no leader", Version: "v1.2.3", Duties: []openapi.Duty{},
		Member:    openapi.Member{MemberID: "8e9e05c52164694d", ClusterID: "7", EtcdVersion: "3.7.3", Errors: []string{}},
		Backup:    openapi.Backup{DurableRevision: 812300, LagRevisions: 45, Windows: []openapi.Range{}},
		Heartbeat: openapi.HeartbeatState{Status: openapi.HeartbeatStatusResting},
	}
	address := serve(t, sidecarOf{
		"/v1/members": {503, openapi.Problem{Status: 503, Kind: openapi.FaultKindUnavailable, Detail: "list members: no quorum", Remedy: "look at etcd"}},
		"/v1/status":  {200, own},
	})
	got := command(t, "status", "--address", address)
	golden(t, "status-alone.txt", got.stdout, address, "ADDRESS")
	if got.code != 7 || !strings.Contains(got.stderr, "no quorum") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if got := command(t, "status", "-o", "json", "--address", address); got.code != 7 || !strings.Contains(got.stdout, `"memberID": "8e9e05c52164694d"`) {
		t.Errorf("exit %d: %s", got.code, got.stdout)
	}
}

func TestStatusRefusals(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	secure := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		sidecarOf{"/v1/members": {200, healthyCluster()}}.ServeHTTP(w, r)
	}))
	hanging := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	page := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	token, other := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "other")
	for name, content := range map[string]string{token: "secret\n", other: "terces"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nothing listens", []string{"--address", nobody}, 7, "what to do: make sure that the sidecar runs"},
		{"something else listens", []string{"--address", page}, 7, "what to do: make sure that a revkeeper sidecar listens there"},
		{"it hangs", []string{"--address", hanging, "--timeout", "100ms"}, 7, "deadline exceeded"},
		{"TLS where there is none", []string{"--address", strings.Replace(secure, "http", "https", 1)}, 7, "TLS handshake"},
		{"no token", []string{"--address", secure}, 8, "--token-file"},
		{"another token", []string{"--address", secure, "--token-file", other}, 8, "--token-file"},
		{"a token that is no file", []string{"--address", secure, "--token-file", token + ".none"}, 2, token + ".none"},
		{"the token", []string{"--address", secure, "--token-file", token}, 0, ""},
		{"an address that is none", []string{"--address", "m1"}, 2, "--address"},
		{"all at once", []string{"--address", "m1", "--cert", "c", "--timeout", "0s", "-o", "xml"}, 2, "4 settings to mend"},
		{"an argument", []string{secure}, 2, "takes flags only"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := command(t, append([]string{"status"}, tc.args...)...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.says) || (got.stdout == "") != (tc.code != 0) {
				t.Errorf("exit %d: %s%s\nwant %d and %q", got.code, got.stdout, got.stderr, tc.code, tc.says)
			}
			if strings.Contains(got.stderr, "secret") {
				t.Errorf("the token is shown: %s", got.stderr)
			}
		})
	}
}
