package retention

import (
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Wave is how many objects may be deleted before the bucket is looked at again.
const Wave = 1000

// Sequence hands out the deletions of a plan in waves. Those of a wave may be
// carried out side by side; the next one begins when all of them have ended.
type Sequence struct {
	rest    []Decision
	missed  map[snapshot.Ref]bool // descriptions of fulls that stayed after all
	left    map[int]bool          // timelines in which something stayed after all
	skipped []Decision
}

// Sequence begins to carry out a plan, with at most so many deletions.
func (p Plan) Sequence(limit int) *Sequence {
	s := &Sequence{missed: map[snapshot.Ref]bool{}, left: map[int]bool{}}
	n, _ := p.Deleted()
	s.rest = make([]Decision, 0, max(0, min(n, limit)))
	for _, d := range p.Decisions {
		if d.Delete && len(s.rest) < limit {
			s.rest = append(s.rest, d)
		}
	}
	return s
}

// Deletions returns what is still to go.
func (s *Sequence) Deletions() []Decision { return s.rest }

// Next returns the next wave, empty at the end. What must not go because
// something else stayed is left out, and returned by Skipped.
func (s *Sequence) Next() []Decision {
	var wave []Decision
	for len(wave) == 0 && len(s.rest) > 0 {
		first, n := s.rest[0].Ref, 0
		for n < len(s.rest) && len(wave) < Wave && s.rest[n].Ref.Epoch == first.Epoch && s.rest[n].Ref.Kind == first.Kind {
			if d := s.rest[n]; s.must(d.Ref) {
				s.Missed(d.Ref)
				s.skipped = append(s.skipped, d)
			} else {
				wave = append(wave, d)
			}
			n++
		}
		s.rest = s.rest[n:]
	}
	return wave
}

// must reports whether an object stays because something else did: a full whose
// description is there would be no less a full, and a timeline that is not empty
// keeps its description and what people decided about it.
func (s *Sequence) must(ref snapshot.Ref) bool {
	switch ref.Kind {
	case snapshot.KindFull:
		return s.missed[ref.Manifest()]
	case snapshot.KindPin, snapshot.KindMark, snapshot.KindSuspect, snapshot.KindTimeline:
		return s.left[ref.Epoch]
	}
	return false
}

// Missed notes that an object could not be deleted.
func (s *Sequence) Missed(ref snapshot.Ref) {
	s.left[ref.Epoch] = true
	if ref.Kind == snapshot.KindManifest {
		s.missed[ref] = true
	}
}

// Skipped returns what was left out so far.
func (s *Sequence) Skipped() []Decision { return s.skipped }

// Changed returns why a plan that was made for one catalogue does not hold for a
// later look at the bucket, empty if it does. The look needs no deltas and no
// proofs. gone are the objects that the plan itself has deleted.
func Changed(planned, look timeline.Catalogue, gone map[snapshot.Ref]bool) string {
	for i := range look.Timelines {
		now := &look.Timelines[i]
		before := planned.Find(now.Epoch)
		if before == nil {
			return fmt.Sprintf("timeline %d is there now", now.Epoch)
		}
		for _, pin := range now.Pins {
			if !slices.Contains(before.Pins, pin) {
				return fmt.Sprintf("revision %d of timeline %d is pinned now", pin.Last, now.Epoch)
			}
		}
		if len(now.Suspects) > len(before.Suspects) {
			return fmt.Sprintf("timeline %d is suspect now", now.Epoch)
		}
		for _, mark := range now.Marks {
			if !slices.Contains(before.Marks, mark) {
				return fmt.Sprintf("timeline %d is %s now", now.Epoch, mark.Mark())
			}
		}
	}
	for i := range planned.Timelines {
		before := &planned.Timelines[i]
		now := look.Find(before.Epoch)
		if now == nil {
			now = &timeline.History{}
		}
		there := map[snapshot.Ref]bool{}
		for _, f := range now.Fulls {
			there[f.Ref] = f.Finished
		}
		for _, f := range before.Fulls {
			if f.Finished && !there[f.Ref] && !gone[f.Ref] && !gone[f.Manifest()] {
				return fmt.Sprintf("full %s went without this plan", f.Key())
			}
		}
		for _, mark := range before.Marks {
			if !gone[mark] && !slices.Contains(now.Marks, mark) {
				return fmt.Sprintf("timeline %d is not %s any more", before.Epoch, mark.Mark())
			}
		}
	}
	return ""
}
