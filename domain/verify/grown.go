package verify

import (
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Grown says of a path that was rebuilt that the listing from which a report has
// its windows ends before it, as where a sidecar stores meanwhile; empty if not.
func Grown(listed []timeline.History, p chain.Path) string {
	last := p.Base.Key()
	if n := len(p.Deltas); n > 0 {
		last = p.Deltas[n-1].Key()
	}
	for i := range listed {
		h := &listed[i]
		if h.Epoch != p.Epoch {
			continue
		}
		if chain.Cover(h).Contains(p.Target) ||
			slices.ContainsFunc(h.Fulls, func(f timeline.Full) bool { return f.Key() == last }) || // it may hold more than its name says
			slices.ContainsFunc(h.Deltas, func(d timeline.Delta) bool { return d.Key() == last }) {
			return ""
		}
	}
	return fmt.Sprintf("revision %d, which was restored, was stored while this was checked: what is said to be restorable ends before it", p.Target)
}
