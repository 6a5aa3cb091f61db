package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Holding says that a longer delta, as a roll-up makes it, holds what a shorter
// one holds: chain.Holds says so of its description.
type Holding struct {
	By    snapshot.Ref
	Since time.Time // when the longer one was begun
}

// folded is the timeline without the deltas whose place longer ones have had for
// the grace period, and why each of those goes. What is damaged takes no place.
func (r Rule) folded(h timeline.History, f Facts, now time.Time) (timeline.History, map[snapshot.Ref]string) {
	there := map[snapshot.Ref]bool{}
	for _, d := range h.Deltas {
		there[d.Ref] = true
	}
	goes := map[snapshot.Ref]string{}
	for ref, by := range f.Held {
		if there[ref] && there[by.By] && now.Sub(by.Since) >= r.Grace {
			goes[ref] = fmt.Sprintf("its revisions are in the delta %d–%d too", by.By.First, by.By.Last)
		}
	}
	if len(goes) > 0 {
		h.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return goes[d.Ref] != "" })
	}
	return h, goes
}
