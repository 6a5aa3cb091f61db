package chain

import (
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Outermost returns the deltas that lie in no other one. Of several with one
// range and content the first counts; those with one range and different content
// are all returned.
func Outermost(deltas []timeline.Delta) []timeline.Delta {
	var out []timeline.Delta
	var reached int64
	for _, d := range deltas {
		n := len(out)
		disputes := n > 0 && out[n-1].First == d.First && out[n-1].Last == d.Last && out[n-1].ID != d.ID
		if d.Last > reached || disputes {
			out = append(out, d)
			reached = max(reached, d.Last)
		}
	}
	return out
}

// Later returns the first deltas beyond a path, n at most: they may know of a lease
// what those on it did not. Deltas without a description know of none.
func Later(h *timeline.History, p Path, n int) []timeline.Delta {
	var out []timeline.Delta
	for _, d := range Outermost(h.Deltas) {
		if len(out) < n && d.Last > p.Target && !d.Undescribed && !slices.Contains(p.Deltas, d) {
			out = append(out, d)
		}
	}
	return out
}

// Replacement is a delta that another one holds too.
type Replacement struct {
	Delta timeline.Delta
	By    timeline.Delta // strictly longer
}

// Replaced returns the deltas that lie wholly inside a longer one, by first
// revision. Whoever removes one must have read the longer one back, and Holds
// must say that it holds this one: the listing alone cannot tell a roll-up from
// another leader's delta. Deltas that share a revision with
// a disputed range are never among them.
func Replaced(h *timeline.History) []Replacement {
	disputes := disputed(h.Deltas)
	free := func(d timeline.Delta) bool { return overlapping(disputes, Range{d.First, d.Last}) == nil }
	var out []Replacement
	var longest *timeline.Delta
	for i := range h.Deltas {
		d := &h.Deltas[i]
		switch {
		case longest == nil || d.Last > longest.Last:
			longest = d
		case (longest.First < d.First || d.Last < longest.Last) && free(*longest): // and so is d, which lies in it
			out = append(out, Replacement{Delta: *d, By: *longest})
		}
	}
	return out
}

// Holds reports whether the delta that longer describes holds what the name of
// another one promises: segments of just these revisions whose digests give the
// digest in the name. It then holds the very records, and nothing is lost with
// the shorter one.
func Holds(longer snapshot.Envelope, shorter snapshot.Ref) bool {
	if shorter.Kind != snapshot.KindDelta || longer.Epoch != shorter.Epoch {
		return false
	}
	from := slices.IndexFunc(longer.Segments, func(s snapshot.Segment) bool { return s.First == shorter.First })
	to := slices.IndexFunc(longer.Segments, func(s snapshot.Segment) bool { return s.Last == shorter.Last })
	return from >= 0 && to >= from && snapshot.ID(snapshot.DeltaDigest(longer.Segments[from:to+1])) == shorter.ID
}

// Compatible compares what can be compared in the envelopes of two deltas that
// share revisions: segments of one range, and digests of single revisions. It is
// Diverged if they contradict each other. Deltas of one range that were cut into
// segments in different places have different digests without any contradiction.
func Compatible(a, b snapshot.Envelope, nameA, nameB string) error {
	segments := map[Range]record.Digest{}
	for _, s := range a.Segments {
		segments[Range{s.First, s.Last}] = s.Canon
	}
	for _, s := range b.Segments {
		r := Range{s.First, s.Last}
		if d, ok := segments[r]; ok && d != s.Canon {
			return fault.New(fault.Diverged, "compare deltas", nameB,
				fmt.Sprintf("it holds other content for revisions %s than %s", r, nameA))
		}
	}
	agree := NewAgreement()
	if err := agree.Claim(nameA, a.Tail...); err != nil {
		return err
	}
	return agree.Claim(nameB, b.Tail...)
}

// CutElsewhere reports whether two deltas of one range were cut into segments in
// different places, so that their digests say nothing about whether they agree.
func CutElsewhere(a, b snapshot.Envelope) bool {
	return !slices.EqualFunc(a.Segments, b.Segments, func(x, y snapshot.Segment) bool {
		return x.First == y.First && x.Last == y.Last
	})
}
