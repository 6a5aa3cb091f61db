package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"

	"os/exec"
)

func leads(st openapi.Status) bool { return st.Role == openapi.RoleLeader }

func TestDemo(t *testing.T) {
	cmd := exec.Command(images.Binary(t, "revkeeper-demo"), "--revkeeper", images.Binary(t, "revkeeper"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the demo ended with %v:\n%s", err, out)
	}
	if strings.Contains(string(out), "✗") || !strings.Contains(string(out), "What was proven") {
		t.Errorf("a proof broke:\n%s", out)
	}
}

// What is pending when a leader is told to end is stored before it does.
func TestGracefulEndStoresWhatIsPending(t *testing.T) {
	etcd := servers.StartEtcd(t, "etcd37", 1)
	client := oracle.Connect(t, etcd.Endpoints()...)
	_, store := folder(t)
	s := run(t, etcd.Endpoints()[0], store, "--backup-flush-age", "10m")
	s.await("a full", func(st openapi.Status) bool { return leads(st) && st.Backup.LastFull.Key != "" })
	w := load.New(client, 3)
	if err := w.Do(t.Context(), 50); err != nil {
		t.Fatal(err)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	dir := t.TempDir() + "/data"
	code, out, errs := revkeeper(t, "restore", "--store-url", store, "--to-revision", "latest", "--data-dir", dir, "--keep-revisions")
	if code != 0 {
		t.Fatalf("restore: exit %d: %s%s", code, out, errs)
	}
	oracle.SameAt(t, client, oracle.Connect(t, servers.StartRestored(t, "etcd37", dir)), w.Acknowledged)

	code, out, errs = revkeeper(t, "verify", "--store-url", store, "--spool-dir", t.TempDir())
	if want := fmt.Sprintf("revision %d of timeline 1 restores; up to revision", w.Acknowledged); code != 0 || !strings.Contains(out, want) {
		t.Errorf("verify: exit %d: %s%s\nwant %q", code, out, errs, want)
	}
}

func TestUnreachableEtcdAtStart(t *testing.T) {
	_, store := folder(t)
	s := run(t, "http://"+freeAddress(t), store)
	st := s.await("role Unknown", func(st openapi.Status) bool { return st.Role == openapi.RoleUnknown })
	contains(t, st.Reason, "refused")
	if code, body := s.get("/readyz?verbose"); code != http.StatusOK {
		t.Errorf("readyz %d %s: an unready sidecar would take etcd out of its Service", code, body)
	}
	if code, _ := s.get("/livez"); code != http.StatusOK {
		t.Errorf("livez %d", code)
	}
	if code, body := s.post("/v1/snapshots/delta"); code != http.StatusServiceUnavailable {
		t.Errorf("a delta from a sidecar that does not lead: %d %s", code, body)
	}
}

func TestTLS(t *testing.T) {
	pki := servers.NewPKI(t)
	etcd := servers.StartEtcd(t, "etcd37", 1, servers.EtcdTLS(pki))
	endpoint := etcd.Endpoints()[0]
	cert, key := pki.Client("revkeeper", time.Now().Add(time.Hour))
	expiredCert, expiredKey := pki.Client("revkeeper", time.Now().Add(-time.Hour))
	for _, tc := range []struct {
		name, ca, cert, key string
		role                openapi.Role
		reason              string
	}{
		{"the right certificates", pki.CA, cert, key, openapi.RoleLeader, "leads"},
		{"another authority", servers.NewPKI(t).CA, cert, key, openapi.RoleUnknown, "unknown authority"},
		{"an expired client certificate", pki.CA, expiredCert, expiredKey, openapi.RoleUnknown, "expired"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, store := folder(t)
			s := run(t, endpoint, store, "--etcd-ca", tc.ca, "--etcd-cert", tc.cert, "--etcd-key", tc.key)
			st := s.await(string(tc.role), func(st openapi.Status) bool { return st.Role == tc.role && strings.Contains(st.Reason, tc.reason) })
			t.Logf("%s: %s", st.Role, st.Reason)
		})
	}
}

// An endpoint behind which another member answers makes the role Unknown, with
// both ids in the reason.
func TestEndpointOfAnotherMember(t *testing.T) {
	first, second := servers.StartEtcd(t, "etcd37", 1), servers.StartEtcd(t, "etcd37", 1)
	proxy := newSwitch(t, first.Endpoints()[0])
	_, store := folder(t)
	s := run(t, proxy.endpoint(), store)
	before := s.await("role Leader", leads)
	proxy.to(second.Endpoints()[0])
	st := s.await("role Unknown", func(st openapi.Status) bool {
		return st.Role == openapi.RoleUnknown && strings.Contains(st.Reason, "answers for")
	})
	contains(t, st.Reason, before.Member.MemberID)
}

func TestConfigCheckReportsEverything(t *testing.T) {
	path := t.TempDir() + "/revkeeper.yaml"
	if err := os.WriteFile(path, []byte("etcd:\n  endpont: http://127.0.0.1:2379\nbackup:\n  flush:\n    age: -5s\n  full:\n    cron: '61 * * * *'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := revkeeper(t, "config", "check", "--config", path)
	if code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	contains(t, out+errs, "etcd.endpont", "endpoint", "backup.flush.age", "backup.full.cron", "store.url")
}

func TestRestoreRefusals(t *testing.T) {
	etcd := servers.StartEtcd(t, "etcd37", 1)
	client := oracle.Connect(t, etcd.Endpoints()...)
	_, store := folder(t)
	s := run(t, etcd.Endpoints()[0], store)
	s.await("a full", func(st openapi.Status) bool { return leads(st) && st.Backup.LastFull.Key != "" })
	if err := load.New(client, 4).Do(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	if code, body := s.post("/v1/snapshots/delta"); code != http.StatusOK {
		t.Fatalf("flush: %d %s", code, body)
	}
	occupied := t.TempDir()
	if err := os.WriteFile(occupied+"/precious", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"outside the window", []string{"--to-revision", "999999", "--data-dir", t.TempDir() + "/d"}, 3, []string{"999999", "restorable: 1–"}},
		{"not empty", []string{"--to-revision", "latest", "--data-dir", occupied}, 4, []string{"not empty", "precious"}},
		{"no backup there", []string{"--to-revision", "latest", "--data-dir", t.TempDir() + "/d", "--store-url", "file://" + t.TempDir()}, 3, []string{"no backup"}},
		{"not a revision", []string{"--to-revision", "soon", "--data-dir", t.TempDir() + "/d"}, 2, []string{"soon"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, errs := revkeeper(t, append([]string{"restore", "--store-url", store}, tc.args...)...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			contains(t, out+errs, tc.says...)
		})
	}
	if entries, _ := os.ReadDir(occupied); len(entries) != 1 {
		t.Errorf("the occupied directory was changed: %v", entries)
	}
}
