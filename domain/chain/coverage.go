// Package chain holds the rules about continuity: what a bucket's objects let
// one restore, by which path, and whether a live cluster continues the history
// that is stored.
package chain

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Range is a run of revisions, both ends included.
type Range struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// Contains reports whether rev lies in the range.
func (r Range) Contains(rev int64) bool { return r.First <= rev && rev <= r.Last }

// String is the form used in messages.
func (r Range) String() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d–%d", r.First, r.Last)
}

// Coverage is what a timeline's objects let one restore.
type Coverage struct {
	Windows []Range // restorable revisions, ascending, not touching
	Gaps    []Range // revisions between windows that cannot be restored
	// Baseless are revisions that deltas hold but no full leads up to: in a
	// timeline whose base is pending, or behind a gap.
	Baseless []Range
	// Perhaps are revisions outside of the windows that a full may still hold: how
	// far back it goes is known once it was read.
	Perhaps []Range
	// Suspect are restorable revisions above one up to which the timeline is good:
	// what was rebuilt of them was not what the members of etcd had.
	Suspect []Range
	// Disputed are ranges for which two deltas carry different digests, ascending.
	Disputed []Range
}

// Cover computes the coverage of a timeline. Only finished fulls count.
func Cover(h *timeline.History) Coverage {
	runs := Runs(h.Deltas)
	var windows []Range
	unsure := int64(0) // below it, a full may hold more than its name says
	for _, f := range h.Fulls {
		if f.Finished {
			windows = append(windows, Range{restorableFrom(f), Reach(runs, f.Last)})
			if f.AtLeast {
				unsure = max(unsure, f.Last)
			}
		}
	}
	cov := Coverage{Windows: merge(windows), Disputed: disputed(h.Deltas)}
	if unsure > 1 {
		cov.Perhaps = subtract(Range{1, unsure - 1}, cov.Windows)
	}
	if good, suspect := h.Good(); suspect {
		cov.Suspect = aboveOf(cov.Windows, good)
	}
	for i := 1; i < len(cov.Windows); i++ {
		cov.Gaps = append(cov.Gaps, Range{cov.Windows[i-1].Last + 1, cov.Windows[i].First - 1})
	}
	for _, run := range runs {
		cov.Baseless = append(cov.Baseless, subtract(run, cov.Windows)...)
	}
	return cov
}

// aboveOf returns what of ranges lies above a revision.
func aboveOf(ranges []Range, rev int64) []Range {
	var out []Range
	for _, r := range ranges {
		if r.Last > rev {
			out = append(out, Range{max(r.First, rev+1), r.Last})
		}
	}
	return out
}

// Good returns the windows without what is suspect.
func (c Coverage) Good() []Range {
	var out []Range
	for _, w := range c.Windows {
		out = append(out, subtract(w, c.Suspect)...)
	}
	return out
}

// restorableFrom returns the oldest revision that a full can be restored to: its
// compact revision, or 1, which is where etcd's count begins.
func restorableFrom(f timeline.Full) int64 { return max(f.First, 1) }

// Contains reports whether rev can be restored, disputes aside.
func (c Coverage) Contains(rev int64) bool {
	return slices.ContainsFunc(c.Windows, func(w Range) bool { return w.Contains(rev) })
}

// Doubts reports whether rev could be restored, and is suspect.
func (c Coverage) Doubts(rev int64) bool { return Coverage{Windows: c.Suspect}.Contains(rev) }

// MayContain reports whether rev can perhaps be restored, which a full tells that
// has to be read first.
func (c Coverage) MayContain(rev int64) bool {
	return slices.ContainsFunc(c.Perhaps, func(r Range) bool { return r.Contains(rev) })
}

// Newest returns the highest restorable revision; ok is false if there is none.
func (c Coverage) Newest() (rev int64, ok bool) {
	if len(c.Windows) == 0 {
		return 0, false
	}
	return c.Windows[len(c.Windows)-1].Last, true
}

// Runs joins deltas, which come sorted by first revision, into runs
// without a hole.
func Runs(deltas []timeline.Delta) []Range {
	ranges := make([]Range, len(deltas))
	for i, d := range deltas {
		ranges[i] = Range{d.First, d.Last}
	}
	return merge(ranges)
}

// merge joins ranges that overlap or touch.
func merge(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	var out []Range
	for _, r := range ranges {
		if n := len(out); n > 0 && r.First <= out[n-1].Last+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Reach returns how far runs lead on from rev without a hole.
func Reach(runs []Range, rev int64) int64 {
	for _, run := range runs {
		if run.First <= rev+1 && run.Last > rev {
			return run.Last
		}
	}
	return rev
}

func subtract(from Range, windows []Range) []Range {
	var out []Range
	for _, w := range windows {
		if w.Last < from.First || w.First > from.Last {
			continue
		}
		if w.First > from.First {
			out = append(out, Range{from.First, w.First - 1})
		}
		from.First = w.Last + 1
	}
	if from.First <= from.Last {
		out = append(out, from)
	}
	return out
}

func disputed(deltas []timeline.Delta) []Range {
	var out []Range
	for i := 1; i < len(deltas); i++ {
		a, b := deltas[i-1], deltas[i]
		if a.First == b.First && a.Last == b.Last && a.ID != b.ID {
			out = append(out, Range{a.First, a.Last})
		}
	}
	return slices.Compact(out)
}

// Extend returns windows after a delta was stored: the newest window grows if
// the delta continues it. A delta that continues nothing waits for its base.
func Extend(windows []Range, delta Range) []Range {
	if n := len(windows); n > 0 && delta.First <= windows[n-1].Last+1 {
		windows[n-1].Last = max(windows[n-1].Last, delta.Last)
	}
	return windows
}
