package chain

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Piece is what a reading takes from one object: its records of the revisions
// First to Last.
type Piece struct {
	Range
	Delta *timeline.Delta // nil where Full is read
	Full  *timeline.Full
	// Survivors says that the full has only what compaction left of these
	// revisions: of each key that lived on, the newest record.
	Survivors bool
}

// Reading is the plan to read the records of a run of revisions in order, without
// restoring.
type Reading struct {
	Pieces []Piece // ascending, not overlapping
	// Missing are revisions that no object holds whole. What survived of them may
	// be among the pieces.
	Missing []Range
	// Unsure is a full whose name leaves open whether it holds what is missing, nil
	// for none. Found tells the next plan what it holds.
	Unsure *timeline.Full
	// Disputed are ranges for which two deltas carry different digests. None of
	// them is read.
	Disputed []Range
}

// Whole reports whether nothing is missing.
func (r Reading) Whole() bool { return len(r.Missing) == 0 }

// Span returns the revisions from first to last. It is Invalid if last comes before
// first.
func Span(first, last int64) (Range, error) {
	if first > last {
		return Range{}, fault.New(fault.Invalid, "choose revisions", "", fmt.Sprintf("the first, %d, comes after the last, %d", first, last)).
			WithRemedy("give the earlier of the two as --from, or leave it out")
	}
	return Range{first, last}, nil
}

// Read plans to read the revisions of span: from deltas, of those that hold the
// next revision the one that reaches furthest, and where none does from a full,
// which has to be copied to a disk first. A full is read up to the next delta only:
// deltas say when a revision was written, fulls do not. exclude may be nil.
func Read(h *timeline.History, span Range, exclude Exclusion) Reading {
	usable := without(h, exclude)
	out := Reading{Disputed: within(disputed(usable.Deltas), span)}
	deltas := slices.DeleteFunc(slices.Clone(usable.Deltas), func(d timeline.Delta) bool {
		return slices.Contains(out.Disputed, Range{d.First, d.Last})
	})
	fulls := slices.DeleteFunc(slices.Clone(usable.Fulls), func(f timeline.Full) bool { return !f.Finished })
	var best *timeline.Delta // of those that begin at or below next
	for next := span.First; next <= span.Last; {
		for len(deltas) > 0 && deltas[0].First <= next {
			if best == nil || deltas[0].Last > best.Last {
				best = &deltas[0]
			}
			deltas = deltas[1:]
		}
		p := Piece{Range: Range{next, span.Last}}
		lacking := span.Last // the last revision before the next delta
		if len(deltas) > 0 {
			lacking = min(deltas[0].First-1, span.Last)
		}
		if best != nil && best.Last >= next {
			p.Delta, p.Last = best, min(best.Last, span.Last)
		} else if p.Full = fullAt(fulls, Range{next, lacking}); p.Full != nil {
			p.Last = min(p.Full.Last, lacking)
		} else {
			p.Last = min(later(deltas, fulls, next)-1, span.Last)
			out.Missing = append(out.Missing, p.Range)
			out.Unsure = cmp.Or(out.Unsure, unsure(fulls, next))
			p.Full, p.Survivors = above(fulls, p.Last), true
		}
		if p.Delta != nil || p.Full != nil {
			out.Pieces = append(out.Pieces, p)
		}
		next = p.Last + 1
	}
	return out
}

// fullAt returns the oldest full that holds a run of revisions whole; if none does,
// the one that holds the run's first and reaches furthest, nil for none. fulls
// ascend by their last revisions.
func fullAt(fulls []timeline.Full, run Range) (best *timeline.Full) {
	for i := range fulls {
		if f := &fulls[i]; f.First < run.First && run.First <= f.Last && (best == nil || best.Last < run.Last) {
			best = f
		}
	}
	return best
}

// later returns the first revision above rev that an object holds whole. deltas
// begin above it.
func later(deltas []timeline.Delta, fulls []timeline.Full, rev int64) int64 {
	next := int64(maxRevision)
	if len(deltas) > 0 {
		next = deltas[0].First
	}
	for _, f := range fulls {
		if f.First >= rev && f.First < f.Last {
			next = min(next, f.First+1)
		}
	}
	return next
}

// unsure returns the first full that may hold a revision, though its name does not
// say so, nil for none.
func unsure(fulls []timeline.Full, rev int64) *timeline.Full {
	for i := range fulls {
		if fulls[i].AtLeast && fulls[i].Last >= rev {
			return &fulls[i]
		}
	}
	return nil
}

// Found returns a timeline in which one full is known to hold the history (compact,
// last]. It is Corrupt if that is not what its name says.
func Found(h *timeline.History, full timeline.Full, compact, last int64) (*timeline.History, error) {
	known, err := Path{Base: full, Target: full.Last}.Accept(compact, last)
	if err != nil {
		return nil, err
	}
	out := *h
	out.Fulls = slices.Clone(h.Fulls)
	for i := range out.Fulls {
		if out.Fulls[i].Key() == full.Key() {
			out.Fulls[i] = known.Base
		}
	}
	slices.SortStableFunc(out.Fulls, func(a, b timeline.Full) int { return cmp.Compare(a.Last, b.Last) })
	return &out, nil
}

// above returns the first full above a revision: of all it was compacted least. It
// is nil for none.
func above(fulls []timeline.Full, rev int64) *timeline.Full {
	for i := range fulls {
		if fulls[i].Last > rev {
			return &fulls[i]
		}
	}
	return nil
}

// maxRevision is above every revision of etcd.
const maxRevision = 1<<63 - 1

// within returns the ranges that share a revision with span.
func within(ranges []Range, span Range) []Range {
	var out []Range
	for _, r := range ranges {
		if max(r.First, span.First) <= min(r.Last, span.Last) {
			out = append(out, r)
		}
	}
	return out
}
