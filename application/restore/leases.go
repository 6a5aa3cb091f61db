package restore

import (
	"context"
	"errors"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// laterTold is how many deltas beyond a path are asked about leases. Each names
// again what the ones before owed, so that few tell everything.
const laterTold = 16

// learnLater asks the deltas beyond a path about the leases that those on it could
// not tell of, as while the cluster had no leader. One that is damaged or gone tells
// nothing.
func (r *Rebuilder) learnLater(ctx context.Context, h *timeline.History, p chain.Path, leases snapshot.Leases) error {
	if len(leases.Unknown()) == 0 {
		return nil
	}
	envelopes, err := each(ctx, chain.Later(h, p, laterTold), r.described, func(_ timeline.Delta, err error) error {
		if errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, env := range envelopes {
		for _, l := range env.Leases {
			if known, named := leases[l.ID]; named && known.State == snapshot.LeaseUnknown {
				leases.Learn(l)
			}
		}
	}
	return nil
}
