package retention

import (
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// trusted is the catalogue without what is suspect, so that it takes the place of
// nothing. Where nothing is suspect it is the same one.
func trusted(c timeline.Catalogue) timeline.Catalogue {
	if !slices.ContainsFunc(c.Timelines, func(h timeline.History) bool { return len(h.Suspects) > 0 }) {
		return c
	}
	c.Timelines = slices.Clone(c.Timelines)
	for i := range c.Timelines {
		if good, suspect := c.Timelines[i].Good(); suspect {
			c.Timelines[i] = goodPart(c.Timelines[i], good)
		}
	}
	return c
}

// goodPart is what of a timeline leads up to a revision. A full that ends above it
// holds it too, and is left out unless nothing else does. Up to 0 nothing is good,
// though a full whose past was never compacted begins there.
func goodPart(h timeline.History, good int64) timeline.History {
	all := h.Fulls
	h.Fulls = slices.DeleteFunc(slices.Clone(all), func(f timeline.Full) bool { return f.Last > good })
	h.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return d.First > good })
	h.Proofs = upTo(h.Proofs, good)
	h.Verified = upTo(h.Verified, good)
	if good > 0 && !chain.Cover(&h).Contains(good) {
		h.Fulls = slices.DeleteFunc(slices.Clone(all), func(f timeline.Full) bool { return f.First > good })
	}
	return h
}

func upTo(refs []snapshot.Ref, rev int64) []snapshot.Ref {
	return slices.DeleteFunc(slices.Clone(refs), func(r snapshot.Ref) bool { return r.Last > rev })
}

// suspects keeps what is suspect of a timeline for who looks into it, for as long as
// there is a reason to keep it whole, and what a person pinned for ever. good is the
// timeline without it.
func (k keeping) suspects(whole, good *timeline.History, reason string) {
	last, suspect := whole.Good()
	if !suspect || whole.Marked(snapshot.Retired) {
		return
	}
	pinned(k, whole)
	if reason == "" {
		return
	}
	trusted, all := keeping{}, keeping{}
	trusted.all(good, reason)
	all.all(whole, fmt.Sprintf("what is above revision %d is suspect, and %s", last, reason))
	for ref, why := range all {
		if _, ok := trusted[ref]; !ok && !slices.Contains(whole.Strays, ref) {
			k.add(ref, why)
		}
	}
}
