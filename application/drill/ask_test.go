package drill_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/drill"
	rule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// slow rebuilds for an hour each time, unless it is called off.
type slow struct{ *world }

func (s slow) Run(ctx context.Context, t rule.Task, besides string) (rule.Outcome, string, error) {
	select {
	case <-time.After(time.Hour):
		return s.world.Run(ctx, t, besides)
	case <-ctx.Done():
		return rule.Outcome{}, "m2", ctx.Err()
	}
}

// inOffice runs the duty of a slow world for as long as during takes.
func inOffice(t *testing.T, w *world, next func(time.Time) time.Time, during func(t *testing.T, d *drill.Duty, lose func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := w.dutyAt(slow{w}, next)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		during(t, d, cancel)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestADrillOnDemand(t *testing.T) {
	for _, tc := range []struct {
		story    string
		outcomes []rule.Outcome
		verdict  rule.Verdict
		where    string
		good     int64
		took     time.Duration
		events   string
	}{
		{"it is what the cluster had", nil, rule.Passed, "m2", 0, time.Hour, "drill_started drill_passed"},
		{"nothing to compare with", []rule.Outcome{{}}, rule.Unproven, "m2", 0, time.Hour, "drill_started drill_passed"},
		{"it is not, and another says so too", []rule.Outcome{differs(20), differs(20)}, rule.Suspect, "m3", 20, 2 * time.Hour, "drill_started drill_failed timeline_suspect"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			w := newWorld()
			w.outcomes = tc.outcomes
			inOffice(t, w, nil, func(t *testing.T, d *drill.Duty, _ func()) {
				began := time.Now()
				r, err := d.Ask(t.Context())
				if err != nil || r.Verdict() != tc.verdict || r.Where != tc.where || r.Good != tc.good || r.Revision != 40 || time.Since(began) != tc.took {
					t.Errorf("%+v, %v after %s", r, err, time.Since(began))
				}
			})
			if got := w.kinds(); got != tc.events {
				t.Error(got)
			}
			if !strings.Contains(w.events[0].Message, "it was asked for") {
				t.Errorf("%q", w.events[0].Message)
			}
		})
	}
}

var daily = func(after time.Time) time.Time { return after.Truncate(24 * time.Hour).Add(24 * time.Hour) }

// A drill that was asked for goes on while the one of the night is due, and its asker
// hangs up: then that of the night is carried out.
func TestADrillThatCameToNothingStandsForNone(t *testing.T) {
	w := newWorld()
	inOffice(t, w, daily, func(t *testing.T, d *drill.Duty, _ func()) {
		time.Sleep(23*time.Hour + 50*time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		if _, err := d.Ask(ctx); err == nil {
			t.Error("whoever hung up has an answer")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
	})
	if len(w.drills) != 1 || len(w.verified) != 1 {
		t.Errorf("carried out: %v, events %s", w.drills, w.kinds())
	}
}

// The lead is lost while a difference is confirmed: it was told before.
func TestADifferenceIsToldBeforeItIsConfirmed(t *testing.T) {
	for _, asked := range []bool{true, false} {
		w := newWorld()
		w.outcomes = []rule.Outcome{differs(20), differs(20)}
		inOffice(t, w, daily, func(t *testing.T, d *drill.Duty, lose func()) {
			if !asked {
				time.Sleep(24 * time.Hour)
			}
			time.AfterFunc(90*time.Minute, lose)
			if asked {
				if _, err := d.Ask(t.Context()); fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%v", err)
				}
			}
			time.Sleep(2 * time.Hour)
			synctest.Wait()
		})
		if got := w.kinds(); got != "drill_started drill_failed" || w.events[1].Level != event.Error || w.events[1].FaultKind() != fault.Diverged {
			t.Errorf("asked for: %v: %s, %+v", asked, got, w.events)
		}
	}
}

// longList is a bucket of which a listing takes two minutes, and ends with its context.
type longList struct{ *world }

func (l longList) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	select {
	case <-time.After(2 * time.Minute):
		return l.world.Catalogue(ctx)
	case <-ctx.Done():
		return timeline.Catalogue{}, ctx.Err()
	}
}

// Whoever asked hangs up after something was found and before it was looked up in the
// store: it is followed to its end.
func TestADifferenceOutlivesWhoeverAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.outcomes = []rule.Outcome{differs(20), differs(20)}
		sign := func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{}, nil }
		d := drill.NewDuty(drill.Config{Retry: schedule.Backoff{Min: time.Second, Max: time.Minute}}, longList{w}, w, w, slow{w}, w, w.ledger, sign, w)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		asker, hangUp := context.WithTimeout(t.Context(), 63*time.Minute) // the first look ends after 62
		defer hangUp()
		if _, err := d.Ask(asker); err == nil {
			t.Error("whoever hung up has an answer")
		}
		time.Sleep(2 * time.Hour)
		cancel()
		<-ended
		if len(w.suspects) != 1 || w.suspects[0].Last != 20 {
			t.Errorf("marked %v, events %s", w.suspects, w.kinds())
		}
	})
}

// One drill at a time: who comes second is told of the first, whoever began it.
func TestASecondDrillIsAConflict(t *testing.T) {
	for _, tc := range []struct {
		story string
		next  func(time.Time) time.Time
		wait  time.Duration // until the first goes on
		says  string
	}{
		{"somebody asked", nil, 0, "it was asked for"},
		{"the schedule began it", daily, 24*time.Hour + time.Minute, "the schedule says so"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			w := newWorld()
			inOffice(t, w, tc.next, func(t *testing.T, d *drill.Duty, _ func()) {
				first := make(chan error, 1)
				if tc.next == nil {
					go func() {
						_, err := d.Ask(t.Context())
						first <- err
					}()
				}
				time.Sleep(tc.wait)
				synctest.Wait()
				if _, err := d.Ask(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "goes on") {
					t.Errorf("the second: %v", err)
				}
				if tc.next == nil {
					if err := <-first; err != nil {
						t.Errorf("the first: %v", err)
					}
				} else {
					time.Sleep(2 * time.Hour)
				}
				if _, err := d.Ask(t.Context()); err != nil {
					t.Errorf("after it: %v", err)
				}
			})
			if len(w.drills) != 2 {
				t.Errorf("%d drills", len(w.drills))
			}
		})
	}
}

func TestOnlyTheLeaderDrills(t *testing.T) {
	w := newWorld()
	if _, err := w.duty(nil).Ask(t.Context()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "does not lead") {
		t.Errorf("%v", err)
	}
	inOffice(t, w, nil, func(t *testing.T, d *drill.Duty, lose func()) {
		time.AfterFunc(time.Minute, lose)
		if _, err := d.Ask(t.Context()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "leads no more") {
			t.Errorf("the lead went: %v", err)
		}
		synctest.Wait()
		if _, err := d.Ask(t.Context()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "does not lead") {
			t.Errorf("after that: %v", err)
		}
	})
	if len(w.drills)+len(w.verified) != 0 {
		t.Errorf("%v %v", w.drills, w.verified)
	}
}

// Whoever hangs up ends the drill, and the next one may begin; but what was found by
// then is found.
func TestWhoeverAskedHangsUp(t *testing.T) {
	for _, tc := range []struct {
		story    string
		after    time.Duration
		outcomes []rule.Outcome
		suspects int
		last     event.Kind
	}{
		{"before anything was found", time.Minute, []rule.Outcome{differs(20), differs(20)}, 0, event.DrillFailed},
		{"while a difference is confirmed", 90 * time.Minute, []rule.Outcome{differs(20), differs(20)}, 1, event.TimelineSuspect},
	} {
		t.Run(tc.story, func(t *testing.T) {
			w := newWorld()
			w.outcomes = tc.outcomes
			inOffice(t, w, nil, func(t *testing.T, d *drill.Duty, _ func()) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.after)
				defer cancel()
				began := time.Now()
				if _, err := d.Ask(ctx); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != tc.after {
					t.Errorf("%v after %s", err, time.Since(began))
				}
				time.Sleep(3 * time.Hour)
				synctest.Wait()
				if w.events[len(w.events)-1].Kind != tc.last || len(w.suspects) != tc.suspects {
					t.Errorf("%s, suspects %v", w.kinds(), w.suspects)
				}
				w.outcomes, w.suspects = nil, nil
				if _, err := d.Ask(t.Context()); err != nil {
					t.Errorf("the next one: %v", err)
				}
			})
		})
	}
}

// What keeps a drill from being carried out is told to who asked, and seen.
func TestADrillOnDemandThatCannotBe(t *testing.T) {
	for kind, level := range map[fault.Kind]event.Level{fault.Unavailable: event.Warn, fault.Corrupt: event.Error} {
		w := newWorld()
		w.failure = fault.New(kind, "drill", "", "because")
		inOffice(t, w, nil, func(t *testing.T, d *drill.Duty, _ func()) {
			if _, err := d.Ask(t.Context()); fault.KindOf(err) != kind || !strings.Contains(err.Error(), "because") {
				t.Errorf("%v", err)
			}
		})
		at := slices.IndexFunc(w.events, func(e event.Event) bool { return e.Kind == event.DrillFailed })
		if at < 0 || w.events[at].Level != level {
			t.Errorf("%s: %+v", kind, w.events)
		}
	}
}
