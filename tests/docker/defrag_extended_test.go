//go:build extended

package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
)

// What the databases hold: half of 512 MiB is free.
const (
	liveBytes = 256 << 20
	freeBytes = 256 << 20
)

// runPatience bounds a whole run.
const runPatience = 10 * time.Minute

// TestExtendedDefragmentation: members of 512 MiB are defragmented while a client
// reads and writes through all of them. With the lead moved away before its
// member stalls, no call fails that is repeated after an election timeout; without,
// the stall is told. A member that is killed in the middle stops the run.
func TestExtendedDefragmentation(t *testing.T) {
	t.Run("the lead moves first", func(t *testing.T) {
		c := startCluster(t, "etcd37", defragSetup())
		leader, steady := c.littered()
		runs := c.defragments(leader, steady)
		if len(runs) != 2 || runs[0].Outcome != openapi.DefragmentationOutcomeHandedOver || runs[1].Continues != runs[0].Id {
			t.Errorf("the runs are %+v", runs)
		}
		if now := c.awaitLeader(c.pairs...); now == leader {
			t.Errorf("%s leads again", now.name)
		}
		if failures := steady.Failures(); len(failures) > 0 {
			t.Errorf("%d calls failed twice: %q", len(failures), failures)
		}
		c.subtest("a member is killed in the middle", (*cluster).killedMeanwhile)
	})
	t.Run("the leader as it is", func(t *testing.T) {
		c := startCluster(t, "etcd37", defragSetup("--defrag-move-leader=false"))
		leader, steady := c.littered()
		runs := c.defragments(leader, steady)
		if len(runs) != 1 || runs[0].Outcome != openapi.DefragmentationOutcomeDone {
			t.Fatalf("the runs are %+v", runs)
		}
		last := runs[0].Members[len(runs[0].Members)-1]
		if last.Name != leader.name || !last.Leads || last.StallSeconds <= 0 || last.ExpectedStallSeconds <= 0 {
			t.Errorf("the last is %+v; want %s with its stall", last, leader.name)
		}
		t.Logf("%s led and stalled for %.1f s, %.1f s were expected; %d calls failed twice", leader.name, last.StallSeconds, last.ExpectedStallSeconds, len(steady.Failures()))
	})
}

func defragSetup(more ...string) setup {
	return setup{sidecar: append([]string{"--defrag-rule", "dbSizeFree > 0.2*dbSize", "--defrag-settle", "15s"}, more...)}
}

// littered fills the cluster until nothing speaks against a run, and has a client
// read and write from then on.
func (c *cluster) littered() (leader *pair, steady *load.Steady) {
	c.t.Helper()
	c.awaitFull(c.awaitLeader(c.pairs...))
	c.litter(liveBytes, freeBytes)
	steady = c.startSteady()
	c.awaitPlan(3)
	return c.awaitLeader(c.pairs...), steady
}

func (c *cluster) litter(live, free int) {
	c.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(c.t.Context(), runPatience)
	defer cancel()
	if err := load.Litter(ctx, oracle.Connect(c.t, endpoints(c.pairs...)...), live, free); err != nil {
		c.t.Fatal(err)
	}
	c.t.Logf("%d MiB are written and %d MiB of them compacted after %s", (live+free)>>20, free>>20, time.Since(began).Round(time.Second))
}

func (c *cluster) startSteady() *load.Steady {
	c.t.Helper()
	s, err := load.NewSteady(endpoints(c.pairs...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	c.t.Cleanup(func() { cancel(); <-done; s.Close() })
	return s
}

// awaitPlan waits until a run would do so many members.
func (c *cluster) awaitPlan(members int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("a plan of %d members", members), func() error {
		var plan openapi.Defragmentation
		if err := c.pairs[0].call(c.t.Context(), http.MethodPost, "/v1/defragmentations?dryRun=true", 10*time.Second, &plan); err != nil {
			return err
		}
		n := 0
		for _, m := range plan.Members {
			if m.Stage == openapi.DefragmentedMemberStageWaits {
				n++
			}
		}
		if plan.Outcome != openapi.DefragmentationOutcomePlanned || n != members {
			return fmt.Errorf("%s %s: %d members", plan.Outcome, plan.Reason, n)
		}
		return nil
	})
}

// defragments has a follower's sidecar asked for a run, follows it to its end and
// makes sure of the order, by etcd's own metrics, and of what was given back.
func (c *cluster) defragments(leader *pair, steady *load.Steady) []openapi.Defragmentation {
	c.t.Helper()
	quiet, began := time.Now().Add(-10*time.Second), time.Now()
	order, before := c.watchOrder(), c.databases()
	runs := c.follow(c.but(leader)[0])
	ended, smaller := time.Now(), before-c.databases()
	got := order()
	if len(got) != 3 || got[2] != leader.name {
		c.t.Errorf("etcd defragmented %q; %s led and must come last", got, leader.name)
	}
	var freed int64
	for _, r := range runs {
		freed += r.FreedBytes
		for _, m := range r.Members {
			c.t.Logf("%s %s: %s, %d -> %d MiB, stall %.1f s (expected %.1f s, %s): %s", r.Id, m.Name, m.Stage, m.DbSize>>20, m.DbSizeAfter>>20, m.StallSeconds, m.ExpectedStallSeconds, m.ExpectedBy, m.Reason)
		}
	}
	c.t.Logf("%d MiB smaller after %s, %d MiB reported; writes before: %s; meanwhile: %s; reads meanwhile: %s", smaller>>20, ended.Sub(began).Round(100*time.Millisecond), freed>>20,
		steady.Between(quiet, began, true), steady.Between(began, ended, true), steady.Between(began, ended, false))
	const most = 3 * freeBytes * 8 / 10
	if smaller < most {
		c.t.Errorf("the databases are %d bytes smaller; three members had %d free each", smaller, freeBytes)
	}
	if freed < most {
		c.t.Errorf("%d bytes are reported to be given back, the databases are %d smaller", freed, smaller)
	}
	return runs
}

// follow begins a run and returns it, and what it was handed over to, when it has
// ended.
func (c *cluster) follow(through *pair) []openapi.Defragmentation {
	c.t.Helper()
	var run openapi.Defragmentation
	if err := through.call(c.t.Context(), http.MethodPost, "/v1/defragmentations", 10*time.Second, &run); err != nil {
		c.t.Fatal(err)
	}
	return c.followed(through, run)
}

func (c *cluster) followed(through *pair, run openapi.Defragmentation) []openapi.Defragmentation {
	c.t.Helper()
	runs := []openapi.Defragmentation{run}
	for deadline := time.Now().Add(runPatience); time.Now().Before(deadline); await(c.t, 200*time.Millisecond) {
		var all openapi.Defragmentations
		if err := through.call(c.t.Context(), http.MethodGet, "/v1/defragmentations", 10*time.Second, &all); err != nil {
			continue // the lead changes
		}
		for _, r := range slices.Backward(all.Runs) {
			switch last := &runs[len(runs)-1]; {
			case r.Id == last.Id:
				*last = r
			case r.Continues == last.Id:
				last.Outcome = openapi.DefragmentationOutcomeHandedOver
				runs = append(runs, r)
			}
		}
		switch runs[len(runs)-1].Outcome {
		case openapi.DefragmentationOutcomeRunning, openapi.DefragmentationOutcomeHandedOver:
		default:
			return runs
		}
	}
	c.t.Fatalf("the run does not end: %+v", runs)
	return nil
}

// watchOrder asks each member's metrics whether it has defragmented; the func
// returns who has, the first first.
func (c *cluster) watchOrder() func() []string {
	c.t.Helper()
	before := map[string]string{}
	for _, p := range c.pairs {
		before[p.name] = c.defragmented(p)
	}
	names := make(chan string, len(c.pairs))
	var watching sync.WaitGroup
	c.life.Cleanup(watching.Wait) // the test's context has ended by then
	for _, p := range c.pairs {
		watching.Go(func() {
			for c.life.Context().Err() == nil {
				if now := c.defragmented(p); now != "" && now != before[p.name] {
					names <- p.name
					return
				}
				<-time.After(20 * time.Millisecond)
			}
		})
	}
	return func() (order []string) {
		deadline := time.NewTimer(patience)
		defer deadline.Stop()
		for range c.pairs {
			select {
			case name := <-names:
				order = append(order, name)
			case <-deadline.C:
				return order
			}
		}
		return order
	}
}

// databases is how large the members' databases are together, by etcd's own
// metrics.
func (c *cluster) databases() (bytes int64) {
	c.t.Helper()
	for _, p := range c.pairs {
		n, err := strconv.ParseFloat(c.metric(p, "etcd_mvcc_db_total_size_in_bytes"), 64)
		if err != nil {
			c.t.Fatalf("the database of %s: %v", p.name, err)
		}
		bytes += int64(n)
	}
	return bytes
}

// defragmented is how often a member says it has defragmented; empty if it does
// not answer.
func (c *cluster) defragmented(p *pair) string {
	return c.metric(p, "etcd_disk_backend_defrag_duration_seconds_count")
}

// metric is the value of one of etcd's metrics; empty if it does not answer.
func (c *cluster) metric(p *pair, name string) string {
	ctx, cancel := context.WithTimeout(c.life.Context(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.client+"/metrics", nil)
	if err != nil {
		return ""
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(body), "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// killedMeanwhile kills a follower while another is defragmented: the run stops,
// and nobody else is touched.
func (c *cluster) killedMeanwhile() {
	c.t.Helper()
	c.litter(0, freeBytes)
	c.awaitPlan(3)
	leader := c.awaitLeader(c.pairs...)
	followers := c.but(leader)
	slices.SortFunc(followers, func(a, b *pair) int { return strings.Compare(a.name, b.name) })
	var run openapi.Defragmentation
	if err := leader.call(c.t.Context(), http.MethodPost, "/v1/defragmentations", 10*time.Second, &run); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, followers[0].name+" to be busy", func() error {
		var all openapi.Defragmentations
		if err := leader.call(c.t.Context(), http.MethodGet, "/v1/defragmentations", 5*time.Second, &all); err != nil {
			return err
		}
		for _, m := range all.Runs[0].Members {
			if m.Name == followers[0].name && m.Stage == openapi.DefragmentedMemberStageBusy {
				return nil
			}
		}
		return errors.New("it is not")
	})
	dead := followers[1]
	count := c.defragmented(leader)
	dead.etcd.kill()
	ended := c.followed(leader, run)[0]
	c.t.Logf("%s was killed: %s, %s", dead.name, ended.Outcome, ended.Reason)
	if ended.Outcome != openapi.DefragmentationOutcomeStopped || !strings.Contains(ended.Reason, dead.name) {
		c.t.Errorf("the run is %s: %s; want it to be stopped for %s", ended.Outcome, ended.Reason, dead.name)
	}
	if now := c.defragmented(leader); now != count {
		c.t.Errorf("%s was defragmented all the same: %s times, %s before", leader.name, now, count)
	}
	dead.etcd.restart()
	c.awaitQuorum()
}
