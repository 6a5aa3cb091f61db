package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// A leader tidies the store on demand, shows it, and what stays is the cluster's.
func TestRetentionOnDemand(t *testing.T) {
	etcd := servers.StartEtcd(t, "etcd37", 1)
	client := oracle.Connect(t, etcd.Endpoints()...)
	_, store := folder(t)
	s := run(t, etcd.Endpoints()[0], store, "--retention-policy", "limit", "--retention-limit", "1",
		"--retention-every", "0s", "--retention-grace", "0s", "--retention-schedule", "")
	s.await("a full", func(st openapi.Status) bool { return leads(st) && st.Backup.LastFull.Key != "" })
	w := load.New(client, 5)
	for range 3 {
		if err := w.Do(t.Context(), 40); err != nil {
			t.Fatal(err)
		}
		if code, body := s.post("/v1/snapshots/full"); code != http.StatusOK {
			t.Fatalf("a full: %d %s", code, body)
		}
	}
	st := s.await("the newest full", func(st openapi.Status) bool { return st.Backup.LastFull.LastRevision >= w.Acknowledged })
	full := st.Backup.LastFull.LastRevision
	would := tidy(t, s, "?dryRun=true")
	if would.Summary.Deleted == 0 || !would.Summary.DryRun {
		t.Fatalf("a dry run: %+v", would.Summary)
	}
	did := tidy(t, s, "")
	if did.Summary.Deleted != would.Summary.Deleted || did.Summary.ReadBack == 0 || did.Summary.Error != "" {
		t.Errorf("did %+v\nwould %+v", did.Summary, would.Summary)
	}
	after := s.await("the run in the status", func(st openapi.Status) bool { return st.Retention.Last.Deleted == did.Summary.Deleted })
	if n := len(after.Backup.Windows); n != 1 || after.Backup.DurableRevision < full {
		t.Errorf("restorable %+v, durable %d", after.Backup.Windows, after.Backup.DurableRevision)
	}
	contains(t, page(t, s), "objects (", "the newest 1 fulls")
	if err := w.Do(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	s.await("the tail", func(st openapi.Status) bool { return st.Backup.DurableRevision >= w.Acknowledged })
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	dir := t.TempDir() + "/data"
	code, out, errs := revkeeper(t, "restore", "--store-url", store, "--to-revision", "latest", "--data-dir", dir, "--keep-revisions")
	if code != 0 {
		t.Fatalf("restore: exit %d: %s%s", code, out, errs)
	}
	oracle.SameAt(t, client, oracle.Connect(t, servers.StartRestored(t, "etcd37", dir)), w.Acknowledged)
	if code, out, errs := revkeeper(t, "gc", "--store-url", store, "--dry-run"); code != 0 || !strings.Contains(out, "0 objects") {
		t.Errorf("gc: exit %d: %s%s", code, out, errs)
	}
}

func tidy(t *testing.T, s *sidecar, query string) openapi.RetentionRun {
	t.Helper()
	code, body := s.post("/v1/retention/runs" + query)
	if code != http.StatusOK {
		t.Fatalf("a run of retention: %d %s", code, body)
	}
	var run openapi.RetentionRun
	if err := json.Unmarshal([]byte(body), &run); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return run
}

func page(t *testing.T, s *sidecar) string {
	t.Helper()
	code, body := s.get("/")
	if code != http.StatusOK {
		t.Fatalf("the page: %d", code)
	}
	return body
}

// The duty runs by its schedule, without being asked.
func TestRetentionBySchedule(t *testing.T) {
	etcd := servers.StartEtcd(t, "etcd37", 1)
	_, store := folder(t)
	s := run(t, etcd.Endpoints()[0], store)
	st := s.await("the next run", func(st openapi.Status) bool { return leads(st) && !st.Retention.Next.IsZero() })
	if in := time.Until(st.Retention.Next); in > time.Hour || st.Retention.Next.Minute() != 15 {
		t.Errorf("the next run is in %s, at %s", in, st.Retention.Next)
	}
	contains(t, st.Retention.Rule, "monthly: 12", "every revision of the last 7d")
}
