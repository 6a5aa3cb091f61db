package retention

import (
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Replacements returns what takes the place of deletions and must have been read
// back before the first of them: fulls and deltas, by timeline, each once.
//
// What takes the place of a full or delta is the way to its last revision, if
// that stays restorable; else the next full above it that is kept; else the newest
// full that is kept in its timeline, and where nothing is, of the newest timeline
// that has one. Uploads that were never finished, and the small objects, need none.
func (p Plan) Replacements(deletions []Decision) []snapshot.Ref {
	last := map[int][]int64{} // the last revisions of what goes, by timeline
	unfinished := p.unfinished()
	for _, d := range deletions {
		if d.Ref.Kind == snapshot.KindDelta || d.Ref.Kind == snapshot.KindFull && !unfinished[d.Ref] {
			last[d.Ref.Epoch] = append(last[d.Ref.Epoch], d.Ref.Last)
		}
	}
	var out []snapshot.Ref
	seen := map[snapshot.Ref]bool{}
	add := func(refs ...snapshot.Ref) {
		for _, ref := range refs {
			if !seen[ref] {
				seen[ref] = true
				out = append(out, ref)
			}
		}
	}
	for i := range p.rests {
		h := &p.rests[i]
		if len(last[h.Epoch]) == 0 {
			continue
		}
		if fulls := finished(h); len(fulls) > 0 {
			add(replacing(h, fulls, last[h.Epoch])...)
		} else if newest := p.newestKept(); newest != nil {
			add(newest.Ref)
		}
	}
	return out
}

// replacing does so for one timeline, of which fulls are kept.
func replacing(h *timeline.History, fulls []timeline.Full, last []int64) []snapshot.Ref {
	runs := chain.Runs(h.Deltas)
	upTo := map[int]int64{} // how far each full must lead, by its place among fulls
	for _, rev := range last {
		at, to := replacement(fulls, runs, rev)
		upTo[at] = max(upTo[at], to)
	}
	var out []snapshot.Ref
	for i, f := range fulls {
		to, needed := upTo[i]
		if !needed {
			continue
		}
		out = append(out, f.Ref)
		if to <= f.Last {
			continue
		}
		for _, d := range h.Deltas {
			if d.Last > f.Last && d.First <= to {
				out = append(out, d.Ref)
			}
		}
	}
	return out
}

// replacement returns which full takes the place of a revision, by its place
// among fulls, and up to which revision it must lead.
func replacement(fulls []timeline.Full, runs []chain.Range, rev int64) (at int, to int64) {
	above := len(fulls)
	for i := len(fulls) - 1; i >= 0; i-- {
		if fulls[i].Last >= rev {
			above = i
		} else if chain.Reach(runs, fulls[i].Last) >= rev {
			return i, rev
		}
	}
	at = min(above, len(fulls)-1)
	return at, fulls[at].Last
}

func (p Plan) unfinished() map[snapshot.Ref]bool {
	finished := map[snapshot.Ref]bool{}
	out := map[snapshot.Ref]bool{}
	for _, d := range p.Decisions { // descriptions come before their fulls
		switch d.Ref.Kind {
		case snapshot.KindManifest:
			finished[d.Ref] = true
		case snapshot.KindFull:
			out[d.Ref] = !finished[d.Ref.Manifest()]
		}
	}
	return out
}

func (p Plan) newestKept() *timeline.Full {
	for _, h := range slices.Backward(p.rests) {
		if f := h.NewestFull(); f != nil {
			return f
		}
	}
	return nil
}
