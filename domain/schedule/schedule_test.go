package schedule_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestFlush(t *testing.T) {
	f := schedule.Flush{Age: 5 * time.Second, Bytes: 1 << 20}
	for _, tc := range []struct {
		name   string
		oldest time.Time
		size   int64
		now    time.Time
		due    bool
		says   string
	}{
		{"an empty delta is never due", time.Time{}, 0, noon, false, ""},
		{"an empty delta with a header's bytes is not either", time.Time{}, 2 << 20, noon, false, ""},
		{"young and small", noon, 100, noon.Add(4 * time.Second), false, ""},
		{"a moment before its age", noon, 100, noon.Add(5*time.Second - 1), false, ""},
		{"old enough", noon, 100, noon.Add(5 * time.Second), true, "5s old"},
		{"large enough at once", noon, 1 << 20, noon, true, "1.0 MiB are pending"},
		{"the clock went back: size still counts", noon, 1 << 20, noon.Add(-time.Hour), true, "MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			due, reason := f.Due(tc.oldest, tc.size, tc.now)
			if due != tc.due || !strings.Contains(reason, tc.says) || (reason != "") != due {
				t.Errorf("Due = %v, %q", due, reason)
			}
		})
	}
	if got := f.Next(noon); !got.Equal(noon.Add(5 * time.Second)) {
		t.Errorf("Next = %v", got)
	}
	if !f.Next(time.Time{}).IsZero() {
		t.Error("an empty delta has a next time")
	}
}

// daily ticks at every midnight.
func daily(after time.Time) time.Time { return after.Truncate(24 * time.Hour).Add(24 * time.Hour) }

func TestFull(t *testing.T) {
	midnight, next := noon.Add(12*time.Hour), noon.Add(36*time.Hour)
	based := func(edit func(*schedule.FullState)) schedule.FullState {
		s := schedule.FullState{HasBase: true, FullAt: noon, FullRevision: 100, Revision: 150, DeltaBytes: 1000, FullBytes: 5000}
		if edit != nil {
			edit(&s)
		}
		return s
	}
	both := schedule.Full{Next: daily, DeltaBytes: 10000}
	never := func(time.Time) time.Time { return time.Time{} }
	for _, tc := range []struct {
		name  string
		rule  schedule.Full
		state schedule.FullState
		now   time.Time
		due   bool
		at    time.Time
		says  string
	}{
		{"without a base at once, though nothing is known of the cluster", both, schedule.FullState{}, noon, true, time.Time{}, "no base"},
		{"between two ticks", both, based(nil), midnight.Add(-1), false, midnight, "recent"},
		{"at the tick", both, based(nil), midnight, true, next, "scheduled for 2026-03-02T00:00:00Z"},
		{"ticks were missed while nobody led: one full makes up for all", both, based(nil), midnight.Add(80 * time.Hour), true, noon.Add(108 * time.Hour), "scheduled for 2026-03-02"},
		{"nothing changed: the tick passes and the next one is awaited", both, based(func(s *schedule.FullState) { s.Revision = 100 }), midnight, false, next, "nothing changed"},
		{"nothing changed before the tick", both, based(func(s *schedule.FullState) { s.Revision = 100 }), noon, false, midnight, "nothing changed"},
		{"a change after a passed tick brings the full at once", both, based(func(s *schedule.FullState) { s.Revision = 101 }), midnight.Add(time.Minute), true, next, "scheduled"},
		{"the full is newer than what is known of the cluster", both, based(func(s *schedule.FullState) { s.Revision = 90 }), midnight, false, next, "nothing changed"},
		{"the chain is at its limit", both, based(func(s *schedule.FullState) { s.DeltaBytes = 10000 }), noon, false, midnight, "recent"},
		{"the chain is above its limit", both, based(func(s *schedule.FullState) { s.DeltaBytes = 10001 }), noon, true, midnight, "9.8 KiB of deltas"},
		{"no limit on the chain", schedule.Full{Next: daily}, based(func(s *schedule.FullState) { s.DeltaBytes = math.MaxInt64 }), noon, false, midnight, "recent"},
		{"no cron", schedule.Full{DeltaBytes: 10000}, based(nil), noon.Add(1e6 * time.Hour), false, time.Time{}, "recent"},
		{"a cron that never ticks again", schedule.Full{Next: never}, based(nil), midnight, false, time.Time{}, "recent"},
		{"neither, without a base", schedule.Full{}, schedule.FullState{}, noon, true, time.Time{}, "no base"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.rule.Decide(tc.state, tc.now)
			if d.Due != tc.due || !d.At.Equal(tc.at) || !strings.Contains(d.Reason, tc.says) || d.Reason == "" {
				t.Errorf("Decide = %+v, want due=%v at %v", d, tc.due, tc.at)
			}
			if !d.At.IsZero() && !d.At.After(tc.now) {
				t.Errorf("look again at %v, which is not after %v: a caller would spin", d.At, tc.now)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	b := schedule.Backoff{Min: time.Second, Max: 10 * time.Second}
	var got []time.Duration
	for failures := -1; failures <= 6; failures++ {
		got = append(got, b.After(failures)/time.Second)
	}
	if want := []time.Duration{0, 0, 1, 2, 4, 8, 10, 10}; !slices.Equal(got, want) {
		t.Errorf("waits of %v s, want %v", got, want)
	}
	if w := b.After(math.MaxInt); w != b.Max {
		t.Errorf("after very many failures: %v", w)
	}
	huge := schedule.Backoff{Min: time.Hour, Max: math.MaxInt64}
	for n := range 100 {
		if a, b := huge.After(n), huge.After(n+1); a < 0 || b < a {
			t.Fatalf("after %d failures %v, after one more %v", n, a, b)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		name  string
		got   []fault.Problem
		wants []string // the keys
	}{
		{"sensible", slices.Concat(schedule.Flush{Age: 5 * time.Second, Bytes: 8 << 20}.Validate(), schedule.Full{DeltaBytes: 1 << 30}.Validate(), schedule.Backoff{Min: 1, Max: 1}.Validate()), nil},
		{"a full by cron alone", schedule.Full{}.Validate(), nil},
		{"nothing set", schedule.Flush{}.Validate(), []string{"flush.age", "flush.bytes"}},
		{"a negative age", schedule.Flush{Age: -time.Second, Bytes: 8 << 20}.Validate(), []string{"flush.age"}},
		{"a flush a day", schedule.Flush{Age: 24 * time.Hour, Bytes: 8 << 20}.Validate(), []string{"flush.age"}},
		{"a delta of 2 GiB", schedule.Flush{Age: time.Second, Bytes: 2 << 30}.Validate(), []string{"flush.bytes"}},
		{"a full after every byte", schedule.Full{DeltaBytes: 1}.Validate(), []string{"full.deltaBytes"}},
		{"a negative chain", schedule.Full{DeltaBytes: -1}.Validate(), []string{"full.deltaBytes"}},
		{"no wait at all", schedule.Backoff{}.Validate(), []string{"backoff.min"}},
		{"a cap below the start", schedule.Backoff{Min: 2, Max: 1}.Validate(), []string{"backoff.max"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var keys []string
			for _, p := range tc.got {
				keys = append(keys, p.Key)
				if p.Value == "" || p.Detail == "" || p.Remedy == "" {
					t.Errorf("%+v leaves the operator without help", p)
				}
			}
			if !slices.Equal(keys, tc.wants) {
				t.Errorf("problems with %v, want %v", keys, tc.wants)
			}
		})
	}
}

func TestTheFirstDeltaOfALeaderReachesWhereTheClusterWas(t *testing.T) {
	for last, want := range map[int64]bool{99: false, 100: true, 101: true} {
		if got := (schedule.Flush{}).First(last, 100); got != want {
			t.Errorf("First(%d, 100) = %v", last, got)
		}
	}
}
