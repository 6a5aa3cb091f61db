package chain

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Follow returns the path that named objects make: a full, then the deltas that
// lead on from it to target, in order. It is for those who were told a path and
// must not choose another. An object that the timeline does not have is
// NotFound; objects that do not lead to target are Invalid.
func Follow(h *timeline.History, target int64, keys []string) (Path, error) {
	p := Path{Epoch: h.Epoch, Target: target, Reason: "the path was given"}
	if len(keys) == 0 {
		return p, noPath(h, target, "no object is named")
	}
	base := findFull(h, keys[0])
	if base == nil {
		return p, goneFrom(h, keys[0])
	}
	p.Base = *base
	reached, named := base.Last, map[string]bool{}
	for _, key := range keys[1:] {
		d := findDelta(h, key)
		if d == nil {
			return p, goneFrom(h, key)
		}
		if d.First > reached+1 || d.Last <= reached || reached >= target {
			return p, noPath(h, target, fmt.Sprintf("%s does not lead on from revision %d", key, reached))
		}
		p.Deltas, reached, named[key] = append(p.Deltas, *d), d.Last, true
	}
	if reached < target || restorableFrom(*base) > target && !base.AtLeast {
		return p, noPath(h, target, fmt.Sprintf("the objects lead from revision %d to %d", restorableFrom(*base), reached))
	}
	if len(p.Deltas) == 0 && !base.AtLeast || p.DropsNewer() {
		return p, nil // nothing is applied, so there is nothing to witness
	}
	for _, d := range h.Deltas {
		if (d.Last > base.Last || d.Last == base.Last && base.AtLeast) && d.First <= target && !named[d.Key()] {
			p.Witnesses = append(p.Witnesses, d)
		}
	}
	return p, nil
}

func findFull(h *timeline.History, key string) *timeline.Full {
	for i := range h.Fulls {
		if h.Fulls[i].Finished && h.Fulls[i].Key() == key {
			return &h.Fulls[i]
		}
	}
	return nil
}

func findDelta(h *timeline.History, key string) *timeline.Delta {
	for i := range h.Deltas {
		if h.Deltas[i].Key() == key {
			return &h.Deltas[i]
		}
	}
	return nil
}

func goneFrom(h *timeline.History, key string) error {
	return fault.New(fault.NotFound, "follow path", key, fmt.Sprintf("timeline %d does not have it, or not whole", h.Epoch))
}

func noPath(h *timeline.History, target int64, detail string) error {
	return fault.New(fault.Invalid, "follow path", fmt.Sprintf("timeline %d revision %d", h.Epoch, target), detail)
}
