// Package compact decides which small deltas become larger ones, and when a full
// is built from a full and the deltas after it.
package compact

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/words"
)

// FewestDeltas is how many deltas are worth a roll-up: fewer would be written
// again and again for little.
const FewestDeltas = 4

// RollUp says which deltas are rolled up.
type RollUp struct {
	Window   time.Duration // younger deltas stay as they are
	Target   int64         // bytes that a roll-up holds at most
	Segments int           // segments that a roll-up holds at most
}

// The limits of what can be set.
const (
	// MinWindow leaves time for what two leaders stored around a change to be
	// seen by both.
	MinWindow   = time.Minute
	MinTarget   = 1 << 20
	MaxTarget   = 1 << 30
	MinSegments = 16
	MaxSegments = 1 << 16 // an envelope stays well below the 64 MiB that a reader takes
)

// Validate returns what is wrong with the settings; the keys are those of the
// configuration file, relative to the owner's section.
func (r RollUp) Validate() []fault.Problem {
	var ps []fault.Problem
	if r.Window < MinWindow {
		ps = append(ps, fault.Problem{Key: "window", Value: r.Window.String(), Detail: "is out of range", Remedy: fmt.Sprintf("at least %s", MinWindow)})
	}
	if r.Target < MinTarget || r.Target > MaxTarget {
		ps = append(ps, fault.Problem{Key: "target", Value: fmt.Sprint(r.Target), Detail: "is out of range",
			Remedy: fmt.Sprintf("between %d and %d bytes", MinTarget, MaxTarget)})
	}
	if r.Segments < MinSegments || r.Segments > MaxSegments {
		ps = append(ps, fault.Problem{Key: "segments", Value: fmt.Sprint(r.Segments), Detail: "is out of range",
			Remedy: fmt.Sprintf("between %d and %d", MinSegments, MaxSegments)})
	}
	return ps
}

// Group is a run of deltas, each continuing the one before without a hole or an
// overlap, that becomes one.
type Group struct {
	Deltas []timeline.Delta
	Bytes  int64 // of all of them
	Reason string
}

// Range returns the revisions that the group holds.
func (g Group) Range() chain.Range {
	return chain.Range{First: g.Deltas[0].First, Last: g.Deltas[len(g.Deltas)-1].Last}
}

// Left is a run of deltas that stay as they are, and why.
type Left struct {
	Range  chain.Range
	Deltas int
	Reason string
}

// Plan is what becomes of the deltas of one timeline.
type Plan struct {
	Epoch  int
	Groups []Group // by first revision
	Left   []Left  // by first revision
}

// reasons why a delta ends a run of candidates.
const (
	tooYoung = "younger than the window"
	isNewest = "the newest delta, from which the next leader goes on"
	overlaps = "two writers stored these revisions in different deltas; only their records can be compared"
)

// Plan says what is rolled up. It depends on the history and the time alone, so
// that whoever plans on the same objects plans the same. Deltas that lie inside
// a longer one count as replaced by it and are left out.
//
// No group crosses a gap, a dispute or an overlap, and none a full: a restore
// from it would have to read what it does not need. A group is worth it if none
// of its deltas is larger than all others together: so each byte is written
// again at most once for each doubling, and what was rolled up stays until there
// is as much again.
func (r RollUp) Plan(h *timeline.History, now time.Time) Plan {
	p := Plan{Epoch: h.Epoch}
	deltas := chain.Outermost(h.Deltas)
	why := r.barriers(h, deltas, now)
	for from := 0; from < len(deltas); {
		if why[from] != "" {
			p.leave(deltas[from], why[from])
			from++
			continue
		}
		to := from + 1
		for to < len(deltas) && why[to] == "" && deltas[to].First == deltas[to-1].Last+1 && !fullBetween(h, deltas[to-1], deltas[to]) {
			to++
		}
		r.run(&p, deltas[from:to])
		from = to
	}
	return p
}

// run groups deltas that all may be joined.
func (r RollUp) run(p *Plan, run []timeline.Delta) {
	for from := 0; from < len(run); {
		n, bytes := r.longest(run[from:])
		if n == 0 {
			p.leave(run[from], "too few, or one is larger than all others together: waiting for more")
			from++
			continue
		}
		g := Group{Deltas: run[from : from+n], Bytes: bytes}
		g.Reason = fmt.Sprintf("%d deltas of revisions %s, %s in all, are older than %s and fit into one of %s",
			n, g.Range(), words.Size(bytes), r.Window, words.Size(r.Target))
		p.Groups = append(p.Groups, g)
		from += n
	}
}

// longest returns how many of the first deltas of run are worth joining, 0 for
// none.
func (r RollUp) longest(run []timeline.Delta) (n int, bytes int64) {
	var sum, largest int64
	for i, d := range run {
		sum += d.Size
		largest = max(largest, d.Size)
		if sum > r.Target || i == r.Segments {
			break
		}
		if i+1 >= FewestDeltas && largest <= sum-largest {
			n, bytes = i+1, sum
		}
	}
	return n, bytes
}

// Fit cuts a group where its deltas would bring more segments than a roll-up may
// have; segments says how many each of them has. Runs that are too short then
// are left out.
func (r RollUp) Fit(g Group, segments []int) []Group {
	var out []Group
	for from := 0; from < len(g.Deltas); {
		to, n := from, 0
		part := Group{Reason: g.Reason}
		for ; to < len(g.Deltas) && (to == from || n+segments[to] <= r.Segments); to++ {
			n += segments[to]
			part.Bytes += g.Deltas[to].Size
		}
		part.Deltas = g.Deltas[from:to]
		if len(part.Deltas) >= FewestDeltas {
			if len(part.Deltas) < len(g.Deltas) {
				part.Reason = fmt.Sprintf("%s; %d of them, as their %d segments are all that one may have", g.Reason, len(part.Deltas), n)
			}
			out = append(out, part)
		}
		from = to
	}
	return out
}

func (p *Plan) leave(d timeline.Delta, why string) {
	if n := len(p.Left); n > 0 && p.Left[n-1].Reason == why && p.Left[n-1].Range.Last+1 == d.First {
		p.Left[n-1].Range.Last = d.Last
		p.Left[n-1].Deltas++
		return
	}
	p.Left = append(p.Left, Left{Range: chain.Range{First: d.First, Last: d.Last}, Deltas: 1, Reason: why})
}

// barriers says of each delta why it must not be joined; empty where it may.
func (r RollUp) barriers(h *timeline.History, deltas []timeline.Delta, now time.Time) []string {
	why := make([]string, len(deltas))
	newest := h.NewestDelta()
	for i, d := range deltas {
		switch {
		case i > 0 && d.First <= deltas[i-1].Last:
			why[i-1], why[i] = overlaps, overlaps
		case d.Last == newest.Last:
			why[i] = isNewest
		case now.Sub(d.At) < r.Window:
			why[i] = tooYoung
		}
	}
	return why
}

// fullBetween reports whether a chain that begins at a full would begin with b
// and not with a.
func fullBetween(h *timeline.History, a, b timeline.Delta) bool {
	for _, f := range h.Fulls {
		if f.Finished && a.Last <= f.Last && f.Last < b.Last {
			return true
		}
	}
	return false
}
