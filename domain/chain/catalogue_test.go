package chain_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// object is one full or delta of a test's timeline.
type object struct {
	ref        snapshot.Ref
	unfinished bool
}

// full holds (compact, last].
func full(compact, last int64) object {
	return object{ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: compact, Last: last, At: noon, ID: "0a1b2c3d"}}
}

func unfinished(compact, last int64) object {
	o := full(compact, last)
	o.unfinished = true
	return o
}

func delta(first, last int64) object { return deltaOf("a", first, last) }

// deltaOf is a delta whose content is told apart by one hexadecimal digit.
func deltaOf(content string, first, last int64) object {
	return object{ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: first, Last: last, At: noon, ID: strings.Repeat(content, 16)}}
}

// catalogue makes the timeline that a listing of the objects gives.
func catalogue(objects ...object) *timeline.History {
	listing := []timeline.Object{{Key: snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: 1}.Key()}}
	for _, o := range objects {
		listing = append(listing, timeline.Object{Key: o.ref.Key(), Size: 10})
		if o.ref.Kind == snapshot.KindFull && !o.unfinished {
			listing = append(listing, timeline.Object{Key: o.ref.Manifest().Key(), Size: 1})
		}
	}
	c := timeline.Catalog(listing)
	return c.Find(1)
}

// randomCatalogue is a timeline of a few fulls and deltas over some sixty
// revisions. Equal ranges have equal content, so that nothing is disputed.
func randomCatalogue(rng *rand.Rand) *timeline.History {
	const span = 60
	seen := map[string]bool{}
	var objects []object
	add := func(o object) {
		if key := o.ref.Key(); !seen[key] {
			seen[key] = true
			objects = append(objects, o)
		}
	}
	for range rng.IntN(5) {
		last := 1 + rng.Int64N(span)
		o := full(rng.Int64N(last+1), last)
		o.unfinished = rng.IntN(4) == 0
		add(o)
	}
	next := 1 + rng.Int64N(20)
	for range rng.IntN(12) {
		first := next
		switch rng.IntN(6) {
		case 0:
			first += rng.Int64N(6) // a gap
		case 1, 2:
			first = max(1, first-rng.Int64N(10)) // an overlap
		}
		last := first + rng.Int64N(8)
		add(delta(first, last))
		next = max(next, last+1)
	}
	return catalogue(objects...)
}

func describe(h *timeline.History) string {
	var b strings.Builder
	for _, f := range h.Fulls {
		fmt.Fprintf(&b, "full (%d,%d] finished=%v; ", f.First, f.Last, f.Finished)
	}
	for _, d := range h.Deltas {
		fmt.Fprintf(&b, "delta %d–%d; ", d.First, d.Last)
	}
	return b.String()
}
