package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// One command defragments three members beside three sidecars, while a client
// reads and writes. What etcd's own metrics say is compared with what is told.
func TestDefragmentation(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags []string
		runs  int // that the command tells of
	}{
		{"the leader as it is", []string{"--defrag-move-leader=false"}, 1},
		{"the lead moves first", []string{"--defrag-leader-stall=0s"}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := servers.StartEtcd(t, "etcd37", 3)
			_, store := folder(t)
			flags := append([]string{"--defrag-rule", "dbSizeFree > 0.3*dbSize"}, tc.flags...)
			var sidecars []*sidecar
			for i, m := range e.Members {
				sidecars = append(sidecars, run(t, m.Endpoint, store, append([]string{"--name", fmt.Sprintf("m%d", i)}, flags...)...))
			}
			leader := leaderOf(t, sidecars)
			client := oracle.Connect(t, e.Endpoints()...)
			if err := load.Litter(t.Context(), client, 16<<20, 32<<20); err != nil {
				t.Fatal(err)
			}
			steady := startSteady(t, e) // also: pages are free once later transactions are committed
			for _, s := range sidecars {
				s.await("free pages", func(st openapi.Status) bool {
					return st.Member.DbInUse > 0 && st.Member.DbSize > 2*st.Member.DbInUse
				})
			}
			awaitPlan(t, sidecars[0])
			order, seen := watchDefragmentation(t, e)

			// A follower is asked: it hands the request on.
			asked := sidecars[(leader+1)%3]
			code, out, errs := revkeeper(t, "defrag", "-o", "json", "--address", "http://"+asked.address)
			if code != 0 {
				t.Fatalf("exit %d: %s%s", code, out, errs)
			}
			var told openapi.Defragmentations
			if err := json.Unmarshal([]byte(out), &told); err != nil {
				t.Fatal(err)
			}
			t.Logf("it tells:\n%s", out)
			last := told.Runs[0] // the newest comes first
			if moved := tc.runs == 2; last.Outcome != openapi.DefragmentationOutcomeDone || (last.Continues != "") != moved || len(told.Runs) != tc.runs {
				t.Errorf("%d runs, the last %s: %s", len(told.Runs), last.Outcome, last.Reason)
			}
			want := fmt.Sprintf("m%d", leader)
			if got := order(); len(got) != 3 || got[2] != want {
				t.Errorf("etcd defragmented %q; %s led and must come last", got, want)
			}
			if now := leaderOf(t, sidecars); (now == leader) != (tc.runs == 1) {
				t.Errorf("m%d led, m%d leads", leader, now)
			}
			var freed int64
			for _, r := range told.Runs {
				freed += r.FreedBytes
			}
			if freed < 3*16<<20 {
				t.Errorf("%d bytes were given back", freed)
			}
			steady(t)
			seen()
		})
	}
}

// leaderOf returns which sidecar leads, once exactly one does.
func leaderOf(t *testing.T, sidecars []*sidecar) int {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		var leading []int
		for i, s := range sidecars {
			if s.status().Role == openapi.RoleLeader {
				leading = append(leading, i)
			}
		}
		if len(leading) == 1 {
			return leading[0]
		}
	}
	t.Fatal("no sidecar leads")
	return 0
}

// awaitPlan waits until nothing speaks against a run any more.
func awaitPlan(t *testing.T, s *sidecar) {
	t.Helper()
	var body string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		_, body = s.post("/v1/defragmentations?dryRun=true")
		if strings.Contains(body, `"outcome":"planned"`) {
			return
		}
	}
	t.Fatalf("a run is refused: %s", body)
}

// watchDefragmentation asks each member's metrics until the end whether it has
// defragmented; order returns who has, the first first.
func watchDefragmentation(t *testing.T, e *servers.Etcd) (order func() []string, end func()) {
	var mu sync.Mutex
	var done []string
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	for i, m := range e.Members {
		watching.Go(func() {
			for ctx.Err() == nil && defragmentations(ctx, m.Endpoint) == 0 {
				<-time.After(10 * time.Millisecond)
			}
			if ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				done = append(done, fmt.Sprintf("m%d", i))
			}
		})
	}
	order = func() []string {
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
			mu.Lock()
			got := slices.Clone(done)
			mu.Unlock()
			if len(got) == len(e.Members) {
				return got
			}
		}
		return nil
	}
	end = func() { cancel(); watching.Wait() }
	t.Cleanup(end)
	return order, end
}

// defragmentations is how often a member says it has defragmented.
func defragmentations(ctx context.Context, endpoint string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/metrics", nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	n := 0
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "etcd_disk_backend_defrag_duration_seconds_count %d", &n)
	}
	return n
}

// startSteady has a client read and write; the func ends that and fails the test
// for whatever failed twice.
func startSteady(t *testing.T, e *servers.Etcd) func(*testing.T) {
	t.Helper()
	s, err := load.NewSteady(e.Endpoints()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	began, done := time.Now(), make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	end := func() { cancel(); <-done; s.Close() }
	t.Cleanup(end)
	return func(t *testing.T) {
		end()
		writes, reads := s.Between(began, time.Now(), true), s.Between(began, time.Now(), false)
		t.Logf("writes: %s; reads: %s", writes, reads)
		if f := s.Failures(); len(f) > 0 || writes.Calls == 0 || reads.Calls == 0 {
			t.Errorf("%d calls failed twice: %q", len(f), f)
		}
	}
}
