package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Decision is what becomes of one object, and why.
type Decision struct {
	Ref    snapshot.Ref
	Size   int64 // bytes stored; 0 for the small objects, whose size does not matter
	Delete bool
	Reason string
}

// Facts is what a plan goes by beside the listing.
type Facts struct {
	// LiveKeys is how many keys live in a full, for those of Compared whose
	// description says so.
	LiveKeys map[snapshot.Ref]int64
	// Damaged are fulls and deltas that could not be read back, and why. Nothing
	// is kept by relying on them, and they stay for who looks into it.
	Damaged map[snapshot.Ref]string
	// Held are deltas of the newest timeline that a longer one holds too.
	Held map[snapshot.Ref]Holding
	// Notes are what people wrote beside pins and marks; none where nobody wrote or
	// nobody read it.
	Notes map[snapshot.Ref]string
}

// Plan is what becomes of every object of ours in a bucket.
type Plan struct {
	// Stopped says why nothing at all is deleted; empty if something may be.
	Stopped string
	// Decisions are in the order in which deletions are carried out: wherever they
	// stop, everything that is kept can be restored, and what is half deleted is
	// known for what it is.
	Decisions []Decision

	rests []timeline.History // what is kept of each timeline
}

// Deleted returns how many objects, and how many bytes, the plan deletes.
func (p Plan) Deleted() (objects int, bytes int64) {
	for _, d := range p.Decisions {
		if d.Delete {
			objects++
			bytes += d.Size
		}
	}
	return objects, bytes
}

// Make plans for a catalogue. Foreign objects are not in the plan: nobody but
// their owner decides about them.
func Make(c timeline.Catalogue, r Rule, f Facts, now time.Time) Plan {
	whole := f.sound(c)
	sound := trusted(whole)
	p := Plan{Stopped: r.stopped(&sound, f, now)}
	if p.Stopped == "" {
		p.Stopped = lostPins(&whole)
	}
	later := 0 // finished fulls of later timelines
	kepts := make([]keeping, len(c.Timelines))
	var folded map[snapshot.Ref]string
	for i := len(c.Timelines) - 1; i >= 0; i-- {
		h := &sound.Timelines[i]
		if i == len(c.Timelines)-1 {
			*h, folded = r.folded(*h, f, now)
			kepts[i] = r.newest(h, now)
			kepts[i].suspects(&whole.Timelines[i], h, "no other timeline follows it yet")
		} else {
			kepts[i] = r.superseded(h, c.Timelines[i+1], later, now)
			kepts[i].suspects(&whole.Timelines[i], h, r.frozen(h, c.Timelines[i+1], now))
		}
		r.uploads(kepts[i], h, now)
		later += len(finished(h))
	}
	for i := range c.Timelines {
		rest := remaining(&sound.Timelines[i], kepts[i])
		p.rests = append(p.rests, rest)
		for ref, why := range f.Damaged {
			kepts[i].add(ref, "it could not be read back, so a person should look at it: "+why)
		}
		p.Decisions = append(p.Decisions, decide(&c.Timelines[i], kepts[i], folded, &rest, f.Notes, p.Stopped)...)
	}
	return p
}

// sound is the catalogue without what is damaged. Where there are facts it is a copy.
func (f Facts) sound(c timeline.Catalogue) timeline.Catalogue {
	if len(f.Damaged)+len(f.Held) == 0 {
		return c
	}
	damaged := func(ref snapshot.Ref) bool { return f.Damaged[ref] != "" }
	c.Timelines = slices.Clone(c.Timelines)
	for i := range c.Timelines {
		h := &c.Timelines[i]
		h.Fulls = slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return damaged(f.Ref) })
		h.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return damaged(d.Ref) })
	}
	return c
}

// keeping holds why objects stay.
type keeping map[snapshot.Ref]string

func (k keeping) add(ref snapshot.Ref, reason string) {
	if k[ref] == "" {
		k[ref] = reason
	}
}

// chain keeps a full and all that leads on from it.
func (k keeping) chain(h *timeline.History, base timeline.Full, reason string) {
	k.add(base.Ref, reason)
	for _, d := range h.Deltas {
		if d.Last > base.Last {
			k.add(d.Ref, reason)
		}
	}
}

// newest decides about the timeline that is being written.
func (r Rule) newest(h *timeline.History, now time.Time) keeping {
	kept := keeping{}
	fulls := finished(h)
	for ref, reason := range r.Policy.Chosen(fulls, now) {
		kept.add(ref, reason)
	}
	r.floors(kept, h, now)
	return kept
}

// uploads keeps what somebody may still be storing. A listing is not of one
// moment: it can show a description and not yet the full that it describes.
func (r Rule) uploads(kept keeping, h *timeline.History, now time.Time) {
	for _, f := range h.Fulls {
		if !f.Finished && now.Sub(f.At) < r.Leftover {
			kept.add(f.Ref, "it may still be uploaded")
		}
	}
	for _, m := range h.Strays {
		if now.Sub(m.At) < r.Leftover {
			kept.add(m, "its full may be listed the next time")
		}
	}
}

// floors keeps what no policy may delete.
func (r Rule) floors(kept keeping, h *timeline.History, now time.Time) {
	fulls := finished(h)
	if newest := h.NewestFull(); newest != nil {
		kept.chain(h, *newest, "the newest chain")
	}
	r.grace(kept, h, fulls, now)
	if r.Every > 0 {
		r.every(kept, h, fulls, now)
	}
	provenChain(kept, h)
	pinned(kept, h)
}

// grace keeps what was superseded only lately: what took its place must have
// been there for a while.
func (r Rule) grace(kept keeping, h *timeline.History, fulls []timeline.Full, now time.Time) {
	reason := "what took its place is younger than the grace period of " + periodText(r.Grace)
	since := now.Add(-r.Grace)
	for _, f := range fulls {
		if f.At.After(since) {
			kept.add(f.Ref, "it is younger than the grace period of "+periodText(r.Grace))
		}
	}
	f := newestBy(fulls, since)
	if f == nil && len(fulls) > 0 {
		f = &fulls[0]
	}
	if f != nil {
		kept.chain(h, *f, reason)
	}
}

// every keeps what makes each revision of the last r.Every restorable: the chain
// from the newest full that is older, and the fulls that bridge what no delta
// holds.
func (r Rule) every(kept keeping, h *timeline.History, fulls []timeline.Full, now time.Time) {
	if len(fulls) == 0 {
		return
	}
	reason := fmt.Sprintf("every revision of the last %s stays", periodText(r.Every))
	anchor := newestBy(fulls, now.Add(-r.Every))
	if anchor == nil {
		anchor = &fulls[0]
	}
	kept.chain(h, *anchor, reason)
	runs := chain.Runs(h.Deltas)
	for reached := chain.Reach(runs, anchor.Last); ; {
		next := bridge(fulls, runs, reached)
		if next == nil {
			return
		}
		kept.add(next.Ref, reason)
		reached = chain.Reach(runs, next.Last)
	}
}

// bridge returns the full from which more than up to reached can be restored: of
// those whose history joins on, the one that leads furthest, else the next
// behind the gap.
func bridge(fulls []timeline.Full, runs []chain.Range, reached int64) *timeline.Full {
	var joins, behind *timeline.Full
	for i := range fulls {
		f := &fulls[i]
		if chain.Reach(runs, f.Last) <= reached {
			continue
		}
		switch {
		case f.First <= reached+1 && (joins == nil || chain.Reach(runs, f.Last) > chain.Reach(runs, joins.Last)):
			joins = f
		case f.First > reached+1 && (behind == nil || f.First < behind.First):
			behind = f
		}
	}
	if joins != nil {
		return joins
	}
	return behind
}

// provenChain keeps the newest revision that a live member hashed, the way to it
// and the proof; it reports whether there is one.
func provenChain(kept keeping, h *timeline.History) bool {
	for _, p := range slices.Backward(h.Proofs) {
		path, err := chain.Plan(h, p.Last, nil)
		if err != nil {
			continue
		}
		kept.path(path, fmt.Sprintf("the newest proven revision is %d", p.Last))
		kept.add(p, "the newest proof")
		return true
	}
	return false
}

// pinned keeps the way to each pinned revision. Where there is none, lostPin stops
// everything.
func pinned(kept keeping, h *timeline.History) {
	for _, pin := range h.Pins {
		if path, err := chain.Plan(h, pin.Last, nil); err == nil {
			kept.path(path, fmt.Sprintf("revision %d is pinned", pin.Last))
		}
	}
}

func (k keeping) path(p chain.Path, reason string) {
	k.add(p.Base.Ref, reason)
	for _, d := range slices.Concat(p.Deltas, p.Witnesses) {
		k.add(d.Ref, reason)
	}
}

// superseded decides about a timeline that another follows. later is how many
// finished fulls the timelines after it have.
func (r Rule) superseded(h *timeline.History, next timeline.History, later int, now time.Time) keeping {
	kept := keeping{}
	if h.Marked(snapshot.Retired) {
		return kept
	}
	if reason := r.frozen(h, next, now); reason != "" {
		kept.all(h, reason)
		return kept
	}
	fulls := finished(h)
	for ref, reason := range r.Policy.after(later).Chosen(fulls, now) {
		kept.add(ref, reason)
	}
	if !provenChain(kept, h) && len(fulls) > 0 {
		kept.chain(h, fulls[len(fulls)-1], "the newest chain of a superseded timeline, until it is retired")
	}
	pinned(kept, h)
	return kept
}

// frozen returns why a timeline that another follows stays whole, empty if it does
// not.
func (r Rule) frozen(h *timeline.History, next timeline.History, now time.Time) string {
	until := next.BeganAt.Add(r.Frozen)
	switch {
	case h.Marked(snapshot.Retired):
		return ""
	case !next.Described:
		return "its successor has no description"
	case now.Before(until):
		return fmt.Sprintf("timeline %d was superseded at %s and stays whole until %s", h.Epoch,
			next.BeganAt.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339))
	}
	return ""
}

// all keeps a whole timeline.
func (k keeping) all(h *timeline.History, reason string) {
	for _, f := range h.Fulls {
		k.add(f.Ref, reason)
	}
	for _, d := range h.Deltas {
		k.add(d.Ref, reason)
	}
	for _, r := range slices.Concat(h.Proofs, h.Verified, h.Strays) {
		k.add(r, reason)
	}
}

func finished(h *timeline.History) []timeline.Full {
	return slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return !f.Finished })
}

// newestBy returns the full that reaches furthest among those taken by an
// instant, nil if there is none. fulls are by revision.
func newestBy(fulls []timeline.Full, by time.Time) *timeline.Full {
	for i := len(fulls) - 1; i >= 0; i-- {
		if !fulls[i].At.After(by) {
			return &fulls[i]
		}
	}
	return nil
}
