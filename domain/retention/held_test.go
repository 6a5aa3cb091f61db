package retention_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Three small deltas were rolled up into one. They go once it has had their place
// for the grace period, and it is what must have been read back.
func TestARollUpTakesThePlaceOfWhatItHolds(t *testing.T) {
	small := []timeline.Delta{delta(11, 12, 50*hour), delta(13, 14, 49*hour), delta(15, 16, 48*hour)}
	long := delta(11, 16, 48*hour)
	long.ID = "eeeeeeeeeeeeeeee"
	newest := delta(17, 18, hour)
	for _, tc := range []struct {
		name   string
		change func(f *retention.Facts)
		goes   int
		says   string
	}{
		{"it has had their place for long", func(*retention.Facts) {}, 3, "in the delta 11–16 too"},
		{"it was rolled up only now", func(f *retention.Facts) {
			for ref, by := range f.Held {
				by.Since = now.Add(-hour)
				f.Held[ref] = by
			}
		}, 0, ""},
		{"it holds two of them, as it says itself", func(f *retention.Facts) { delete(f.Held, small[1].Ref) }, 2, "in the delta 11–16 too"},
		{"it is damaged", func(f *retention.Facts) { f.Damaged = map[snapshot.Ref]string{long.Ref: "its digest differs"} }, 0, ""},
		{"it is not there any more", func(f *retention.Facts) {
			for ref, by := range f.Held {
				by.By.ID = "dddddddddddddddd"
				f.Held[ref] = by
			}
		}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := timeline.History{Timeline: timeline.Timeline{Epoch: 1, First: 1}, Described: true,
				Fulls: []timeline.Full{full(10, 60*hour)}, Deltas: []timeline.Delta{long, small[0], small[1], small[2], newest}}
			f := retention.Facts{Held: map[snapshot.Ref]retention.Holding{}}
			for _, d := range small {
				f.Held[d.Ref] = retention.Holding{By: long.Ref, Since: now.Add(-40 * hour)}
			}
			tc.change(&f)
			r := rule()
			r.Grace, r.Every, r.Stale = day, 7*day, 7*day
			p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, r, f, now)
			goes := goneOf(p)
			if len(goes) != tc.goes || p.Stopped != "" {
				t.Fatalf("%q (stopped %q), want %d", goes, p.Stopped, tc.goes)
			}
			for _, line := range goes {
				if !strings.Contains(line, tc.says) || strings.Contains(line, long.Key()) {
					t.Errorf("%s", line)
				}
			}
			if back := p.Replacements(p.Sequence(10).Deletions()); tc.goes > 0 && !slices.Contains(back, long.Ref) {
				t.Errorf("%v must be read back", back)
			}
		})
	}
}
