package roles

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/tests/fake"
)

// turns lets two bubbles go on by turns: while one plays, the clock of the other
// stands still. Each side has a place; the first to play is 0.
type turns [2]chan struct{}

func newTurns() turns { return turns{make(chan struct{}, rounds), make(chan struct{}, rounds)} }

func (ts turns) await(side int) { <-ts[side] }

// give lets the other side play until it gives back, or has ended.
func (ts turns) give(side int) {
	ts[1-side] <- struct{}{}
	ts.await(side)
}

// end lets the other side play to its end.
func (ts turns) end(side int) { close(ts[1-side]) }

// Two sidecars both believe to lead, and the clock of one is an hour ahead.
// Whatever either stores, the history in the bucket is one, and whole.
func TestTwoLeadersWhoseClocksDiffer(t *testing.T) {
	for _, tc := range []struct {
		name  string
		ahead [2]time.Duration
	}{
		{"the first is ahead", [2]time.Duration{time.Hour, 0}},
		{"the second is ahead", [2]time.Duration{0, time.Hour}},
		{"they are equal", [2]time.Duration{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, store, ts := &history{head: 10}, fake.NewObjectStore(), newTurns()
			// play runs one side in a bubble, whose clock it sets by waiting.
			play := func(side int, flush time.Duration, turn func(round int, l *leader)) {
				t.Run(fmt.Sprintf("leader %d", side+1), func(t *testing.T) {
					defer ts.end(side)
					ts.await(side)
					synctest.Test(t, func(t *testing.T) {
						time.Sleep(tc.ahead[side])
						l := lead(t, fmt.Sprintf("leader %d", side+1), h, store, flush)
						for round := range rounds {
							turn(round, l)
							if round < rounds-1 {
								ts.give(side)
							}
						}
						l.stop()
						if bad := l.events.of(event.GapFound, event.WatchLost, event.FullFailed, event.SpillFull); len(bad) > 0 {
							t.Errorf("%v", bad)
						}
						want := 1 - side // the first began the timeline, the other joined it
						if n := len(l.events.of(event.TimelineBegan)); n != want {
							t.Errorf("%d timelines begun, want %d", n, want)
						}
					})
				})
			}
			ts[0] <- struct{}{}
			var both sync.WaitGroup
			both.Go(func() { play(0, 100*time.Millisecond, alternately(h, 1)) })
			both.Go(func() { play(1, 170*time.Millisecond, alternately(h, 2)) })
			both.Wait()
			if t.Failed() {
				return
			}
			// A third comes, with a clock behind those of both before.
			synctest.Test(t, func(t *testing.T) {
				l := lead(t, "third", h, store, 100*time.Millisecond)
				l.awaitDurable(h.write(9))
				l.stop()
				if n := len(l.events.of(event.TimelineBegan)); n > 0 {
					t.Errorf("it began %d timelines", n)
				}
			})
			overlaps, backwards := oneWholeHistory(t, store, h.write(0))
			if overlaps == 0 || (tc.ahead[0] != tc.ahead[1]) != (backwards > 0) {
				t.Error("the test tests nothing")
			}
		})
	}
}

const rounds = 6

// alternately writes and has stored what it wrote, a little more at the end of a
// turn: each leader finds both what the other has stored and what nobody has.
func alternately(h *history, step int64) func(int, *leader) {
	return func(round int, l *leader) {
		for range 4 {
			l.awaitDurable(h.write(step + int64(round%3)))
		}
		if round%2 == 1 {
			if ref, err := l.TakeFull(l.t.Context()); err != nil || ref == nil {
				l.t.Errorf("full: %v, %v", ref, err)
			}
		}
		h.write(step) // the other is the first to see this
	}
}

// oneWholeHistory checks every object of a bucket that is to hold one timeline,
// whole from its first full up to head. It returns how many deltas overlap the
// one before, and how many were seen more than half an hour before it.
func oneWholeHistory(t *testing.T, store *fake.ObjectStore, head int64) (overlaps, backwards int) {
	t.Helper()
	archive := revkeeper.New(store)
	c, err := archive.Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Timelines) != 1 || len(c.Foreign) > 0 {
		t.Fatalf("%d timelines, foreign %v", len(c.Timelines), c.Foreign)
	}
	h := c.Newest()
	cov := chain.Cover(h)
	if len(cov.Windows) != 1 || cov.Windows[0].Last != head || len(cov.Gaps)+len(cov.Baseless)+len(cov.Disputed) > 0 {
		t.Errorf("coverage %+v, the cluster is at %d", cov, head)
	}
	agreement := chain.NewAgreement()
	var before time.Time
	for i, d := range h.Deltas {
		if i > 0 && d.First <= h.Deltas[i-1].Last {
			overlaps++
		}
		seen := sameAsHistory(t, archive, d, agreement)
		if seen.Before(before.Add(-30 * time.Minute)) {
			backwards++
		}
		before = seen
	}
	t.Logf("%d fulls, %d deltas up to %d: %d overlap, %d are much older than the one before", len(h.Fulls), len(h.Deltas), head, overlaps, backwards)
	whole := func(string) string { return "" }
	for target := h.Fulls[0].Last; target <= head; target++ {
		if p, err := chain.Plan(h, target, whole); err != nil || p.Target != target {
			t.Errorf("revision %d cannot be restored: %v", target, err)
		}
	}
	return overlaps, backwards
}

// sameAsHistory reads a delta whole, adds its digests to the agreement, and
// returns when it was seen.
func sameAsHistory(t *testing.T, archive *revkeeper.Archive, d timeline.Delta, agreement *chain.Agreement) (seen time.Time) {
	t.Helper()
	env, err := archive.Envelope(t.Context(), d.Ref)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []record.Record
	for revision := d.First; revision <= d.Last; revision++ {
		want = append(want, at(revision)...)
	}
	var digests record.Digester
	digests.OnRevision(func(rd record.RevisionDigest) {
		if err := agreement.Claim(d.Key(), rd); err != nil {
			t.Error(err)
		}
	})
	for block, err := range archive.OpenDelta(t.Context(), env, d.Ref) {
		if err != nil {
			t.Fatalf("%s: %v", d.Key(), err)
		}
		seen = block.NotAfter
		for _, r := range block.Records {
			digests.Write(r)
			got = append(got, r)
		}
	}
	digests.Finish()
	if len(got) != len(want) {
		t.Fatalf("%s: %d records, want %d", d.Key(), len(got), len(want))
	}
	for i := range want {
		if got[i].Revision != want[i].Revision || got[i].Tombstone != want[i].Tombstone || !bytes.Equal(got[i].KeyValue, want[i].KeyValue) {
			t.Fatalf("%s: record %d is %+v, want %+v", d.Key(), i, got[i], want[i])
		}
	}
	return seen
}
