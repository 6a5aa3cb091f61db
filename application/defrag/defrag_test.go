package defrag_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/defrag"
	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// What a run that is asked for does to a cluster.
func TestRuns(t *testing.T) {
	const all = "busy m1, defrag m1, free m1, busy m3, defrag m3, free m3, busy m2, defrag m2, free m2"
	for _, tc := range []struct {
		name    string
		world   func(w *world)
		config  func(c *defrag.Config)
		scope   rule.Scope
		story   string
		outcome rule.Outcome
		reason  string
	}{
		{name: "one by one, the leader last", story: all, outcome: rule.Done, reason: "nobody is left"},
		{name: "a leader that would stall for long gives the lead away, and tells the next", world: func(w *world) { w.takes = 5 * time.Second },
			story:   "busy m1, defrag m1, free m1, busy m3, defrag m3, free m3, lead m2>m1, tell m1 of m2",
			outcome: rule.HandedOver, reason: "m2 (2)"},
		{name: "the next cannot be told", world: func(w *world) { w.takes, w.tellErr = 5*time.Second, errors.New("away") },
			story:   "busy m1, defrag m1, free m1, busy m3, defrag m3, free m3, lead m2>m1, tell m1 of m2",
			outcome: rule.HandedOver},
		{name: "the lead does not move", world: func(w *world) { w.takes, w.moveErr = 5*time.Second, errors.New("no quorum") },
			story:   "busy m1, defrag m1, free m1, busy m3, defrag m3, free m3, lead m2>m1",
			outcome: rule.Stopped, reason: "no quorum"},
		{name: "the lead is not to move", world: func(w *world) { w.takes = 5 * time.Second }, config: func(c *defrag.Config) { c.Lead.Move = false },
			story: all, outcome: rule.Done},
		{name: "a member that fails stops the run", world: func(w *world) { w.fails[3] = errors.New("disk full") },
			story: "busy m1, defrag m1, free m1, busy m3, defrag m3, free m3", outcome: rule.Stopped, reason: "disk full"},
		{name: "a cluster that is not well again stops the run", world: func(w *world) {
			w.after = func(id cluster.ID) { w.members[2].Err = errors.New("connection refused") }
		}, story: "busy m1, defrag m1, free m1", outcome: rule.Stopped, reason: "m3 does not answer: connection refused"},
		{name: "a member that has fallen behind is waited for", world: func(w *world) {
			w.after = func(id cluster.ID) {
				w.members[1].Status.RaftApplied, w.members[2].Status.RaftApplied, w.behind = 20_000, 20_000, 1
			}
		}, story: all, outcome: rule.Done},
		{name: "a member that is away refuses it", world: func(w *world) { w.members[0].Err = errors.New("connection refused") },
			outcome: rule.Refused, reason: "m1 does not answer"},
		{name: "the lead was lost before", world: func(w *world) {
			for i := range w.members {
				w.members[i].Status.Leader = 1
			}
		}, outcome: rule.Refused, reason: "not the own one"},
		{name: "a backup that is behind refuses it", world: func(w *world) { w.backup = "an hour behind" }, outcome: rule.Refused, reason: "an hour behind"},
		{name: "unless that is allowed", world: func(w *world) { w.backup = "an hour behind" }, config: func(c *defrag.Config) { c.Stale = true },
			story: all, outcome: rule.Done},
		{name: "a member that a full is read from is left alone", world: func(w *world) { w.streaming = 1 },
			story: "busy m3, defrag m3, free m3, busy m2, defrag m2, free m2", outcome: rule.Done},
		{name: "a full begins to be read from it at the last moment", world: func(w *world) { w.late = 3 },
			story: "busy m1, defrag m1, free m1, busy m3, free m3", outcome: rule.Stopped, reason: "a full is being read"},
		{name: "only one", scope: rule.Scope{Only: 3}, story: "busy m3, defrag m3, free m3", outcome: rule.Done},
		{name: "all, whatever the rule says", scope: rule.Scope{All: true}, config: func(c *defrag.Config) {
			c.Wanted = func(cluster.Status) (bool, string) { return false, "never" }
		}, story: all, outcome: rule.Done},
		{name: "a rule that always holds comes to an end", config: func(c *defrag.Config) {
			c.Wanted = func(cluster.Status) (bool, string) { return true, "always" }
		}, story: all, outcome: rule.Done},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if tc.world != nil {
					tc.world(w)
				}
				d := w.duty(tc.config)
				stop := lead(t, d)
				defer stop()
				synctest.Wait()
				begun, err := d.Start(t.Context(), tc.scope)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour) // of the bubble
				run := d.Overview().Runs[0]
				if run.ID != begun.ID || run.Outcome != tc.outcome || !strings.Contains(run.Reason, tc.reason) {
					t.Errorf("%s: %s (%s)", run.ID, run.Outcome, run.Reason)
				}
				if got := w.story(); got != tc.story {
					t.Errorf("did %q\nwant %q", got, tc.story)
				}
				if tc.outcome == rule.HandedOver && w.tellErr == nil && (w.handed.Freed() != run.Freed() || w.handed.Outcome != run.Outcome ||
					w.handed.ID != run.ID || !slices.Equal(stages(w.handed), stages(run))) {
					t.Errorf("the new leader is told of %+v\nwant %+v", w.handed, run)
				}
				for _, r := range run.Results {
					if r.Stage == rule.Dense && (r.Freed() != 400<<20 || r.Stall < w.takes) {
						t.Errorf("%s: freed %d, stall %s", r.Member.Name, r.Freed(), r.Stall)
					}
				}
				if !w.told(event.DefragEnded, string(tc.outcome)) {
					t.Error("nobody was told how it ended")
				}
			})
		})
	}
}

func stages(r rule.Run) (all []rule.Stage) {
	for _, x := range r.Results {
		all = append(all, x.Stage)
	}
	return all
}

func TestADryRunDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := w.duty(nil)
		run, err := d.Plan(t.Context(), rule.Scope{})
		if err != nil || run.Outcome != rule.Planned || len(run.Results) != 3 || run.Results[2].Member.Name != "m2" {
			t.Errorf("%+v, %v", run, err)
		}
		w.members[0].Err = errors.New("away")
		if run, err = d.Plan(t.Context(), rule.Scope{}); err != nil || run.Outcome != rule.Refused || run.Reason == "" {
			t.Errorf("%+v, %v", run, err)
		}
		if w.story() != "" || len(d.Overview().Runs) != 0 {
			t.Errorf("it did %q", w.story())
		}
	})
}

func TestOneRunAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		d := w.duty(nil)
		if _, err := d.Start(t.Context(), rule.Scope{}); !errors.Is(err, fault.Unavailable) {
			t.Errorf("a sidecar that does not lead: %v, want Unavailable", err)
		}
		stop := lead(t, d)
		synctest.Wait()
		if _, err := d.Start(t.Context(), rule.Scope{}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Start(t.Context(), rule.Scope{}); !errors.Is(err, fault.Conflict) {
			t.Errorf("a second run: %v, want Conflict", err)
		}
		time.Sleep(time.Minute)
		if _, err := d.Start(t.Context(), rule.Scope{}); err != nil {
			t.Errorf("after the first: %v", err)
		}
		synctest.Wait()
		stop()
		if strings.Contains(w.story(), "TWO AT ONCE") {
			t.Error(w.story())
		}
	})
}

// Nothing can stop a member that defragments. So who loses the lead meanwhile
// waits for it, says so, and does nobody else.
func TestTheLeadIsLostMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = 10 * time.Second
		d := w.duty(nil)
		stop := lead(t, d)
		synctest.Wait()
		if _, err := d.Start(t.Context(), rule.Scope{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		began := time.Now()
		stop()
		if waited := time.Since(began); waited != 7*time.Second {
			t.Errorf("it was waited for %s, want 7s", waited)
		}
		run := d.Overview().Runs[0]
		if run.Outcome != rule.Stopped || run.Results[0].Stage != rule.Dense || w.story() != "busy m1, defrag m1, free m1" {
			t.Errorf("%s (%s), did %q", run.Outcome, run.Reason, w.story())
		}
		if !w.told(event.MemberBusy, "let finish") {
			t.Error("nobody was told")
		}
	})
}

// The end of the process does not wait: etcd goes on by itself.
func TestTheProcessEndsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = time.Hour
		d := w.duty(nil)
		stop := lead(t, d)
		synctest.Wait()
		if _, err := d.Start(t.Context(), rule.Scope{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		began := time.Now()
		ended, end := context.WithCancel(t.Context())
		end()
		for range 2 {
			if err := d.LetGo(ended); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		stop()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the end waited for %s", waited)
		}
		if run := d.Overview().Runs[0]; run.Outcome != rule.Stopped || !strings.Contains(run.Reason, "goes on by itself") {
			t.Errorf("%s (%s)", run.Outcome, run.Reason)
		}
	})
}

// A member that takes longer than its size explains stops the run.
func TestAMemberHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = 10 * time.Hour
		d := w.duty(nil)
		stop := lead(t, d)
		defer stop()
		synctest.Wait()
		if _, err := d.Start(t.Context(), rule.Scope{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		limit := rule.Timeout(500 << 20).String()
		if run := d.Overview().Runs[0]; run.Outcome != rule.Stopped || !strings.Contains(run.Reason, limit) {
			t.Errorf("%s (%s), want %s in it", run.Outcome, run.Reason, limit)
		}
	})
}

func TestTheSchedule(t *testing.T) {
	hourly := func(after time.Time) time.Time { return after.Truncate(time.Hour).Add(time.Hour) }
	synctest.Test(t, func(t *testing.T) { // the bubble begins on 2000-01-01, a Saturday, at midnight
		w := newWorld()
		window, err := schedule.ParseWindow("Sat 02:30-03:30")
		if err != nil {
			t.Fatal(err)
		}
		d := w.duty(func(c *defrag.Config) { c.Next, c.Window = hourly, window })
		stop := lead(t, d)
		defer stop()
		want := time.Date(2000, 1, 1, 3, 0, 0, 0, time.UTC)
		if o := d.Overview(); !o.Next.Equal(want) || o.Window != "Sat 02:30-03:30" {
			t.Errorf("next at %s within %q", o.Next, o.Window)
		}
		time.Sleep(3*time.Hour - time.Second)
		if w.story() != "" {
			t.Errorf("before the window: %q", w.story())
		}
		time.Sleep(time.Minute)
		if run := d.Overview().Runs[0]; run.Outcome != rule.Done || !run.Began.Equal(want) {
			t.Errorf("at %s: %s (%s)", run.Began, run.Outcome, run.Reason)
		}
		if next := d.Overview().Next; !next.Equal(want.AddDate(0, 0, 7)) {
			t.Errorf("after that: %s", next)
		}
	})
}

// A member that would not be done before the window closes waits for the next.
func TestTheWindowCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = 40 * time.Second
		window, _ := schedule.ParseWindow("00:59-01:01")
		d := w.duty(func(c *defrag.Config) {
			c.Next, c.Window = func(after time.Time) time.Time { return after.Truncate(time.Hour).Add(time.Hour) }, window
		})
		stop := lead(t, d)
		defer stop()
		time.Sleep(2 * time.Hour)
		run := d.Overview().Runs[0]
		if run.Outcome != rule.Stopped || !strings.Contains(run.Reason, "closes in 20s") || w.story() != "busy m1, defrag m1, free m1" {
			t.Errorf("%s (%s), did %q", run.Outcome, run.Reason, w.story())
		}
	})
}

// What was handed over is done once this sidecar leads, and nobody else; one that
// is old is left to the rule.
func TestTakingOver(t *testing.T) {
	for _, tc := range []struct {
		name  string
		after time.Duration // until this sidecar leads
		story string
	}{
		{"soon", 2 * time.Second, "busy m3, defrag m3, free m3"},
		{"an hour later", time.Hour, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				d := w.duty(nil)
				for range 2 {
					d.TakeOver(rule.Handover{Run: rule.Run{ID: "r1"}, Member: 3, Reason: "left over"})
				}
				time.Sleep(tc.after)
				stop := lead(t, d)
				defer stop()
				time.Sleep(time.Minute)
				if got := w.story(); got != tc.story {
					t.Errorf("did %q, want %q", got, tc.story)
				}
				if runs := d.Overview().Runs; tc.story != "" && (len(runs) != 2 || runs[0].Continues != "r1" || runs[1].ID != "r1") {
					t.Errorf("%+v", runs)
				}
			})
		})
	}
}

// The cluster may need a moment to agree on who leads.
func TestTakingOverWaitsForTheElection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.members[0].Status.Leader = 0
		d := w.duty(nil)
		d.TakeOver(rule.Handover{Run: rule.Run{ID: "r1"}, Member: 3, Reason: "left over"})
		stop := lead(t, d)
		defer stop()
		time.Sleep(5 * time.Second)
		if w.story() != "" {
			t.Errorf("during an election: %q", w.story())
		}
		w.with(func() { w.members[0].Status.Leader = 2 })
		time.Sleep(5 * time.Second)
		if got := w.story(); got != "busy m3, defrag m3, free m3" {
			t.Errorf("after it: %q", got)
		}
	})
}
