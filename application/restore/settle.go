package restore

import (
	"context"
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Catalogue lists the bucket and takes out deltas that only seem to dispute one
// another: a roll-up and another delta of the same range have different names
// where they were cut into segments in different places. Their envelopes tell.
func (r *Rebuilder) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	c, err := r.archive.Catalogue(ctx)
	if err != nil {
		return c, err
	}
	for i := range c.Timelines {
		h := &c.Timelines[i]
		for _, d := range chain.Cover(h).Disputed {
			h.Deltas = r.settle(ctx, h.Deltas, d)
		}
	}
	return c, nil
}

// settle returns deltas without those of a disputed range that agree with
// another one. What cannot be read or was cut in the same places stays disputed.
func (r *Rebuilder) settle(ctx context.Context, deltas []timeline.Delta, disputed chain.Range) []timeline.Delta {
	var kept []snapshot.Envelope
	return slices.DeleteFunc(slices.Clone(deltas), func(d timeline.Delta) bool {
		if d.First != disputed.First || d.Last != disputed.Last {
			return false
		}
		env, err := r.archive.Envelope(ctx, d.Ref)
		if err != nil {
			return false
		}
		for _, k := range kept {
			if chain.CutElsewhere(k, env) && chain.Compatible(k, env, k.Ref().Key(), d.Key()) == nil {
				return true
			}
		}
		kept = append(kept, env)
		return false
	})
}
