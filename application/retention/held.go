package retention

import (
	"context"
	"errors"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// held finds out which deltas of the newest timeline a longer one holds too. It
// reads the descriptions of the longer ones; one that cannot be read holds nothing.
func (k *Keeper) held(ctx context.Context, c timeline.Catalogue) (map[snapshot.Ref]rule.Holding, error) {
	h := c.Newest()
	if h == nil {
		return nil, nil
	}
	out := map[snapshot.Ref]rule.Holding{}
	envelopes := map[snapshot.Ref]*snapshot.Envelope{} // nil: cannot be read
	for _, r := range chain.Replaced(h) {
		env, known := envelopes[r.By.Ref]
		if !known {
			read, err := k.archive.Envelope(ctx, r.By.Ref)
			switch {
			case err == nil:
				env = &read
			case !errors.Is(err, fault.NotFound) && !errors.Is(err, fault.Corrupt):
				return nil, err
			}
			envelopes[r.By.Ref] = env
		}
		if env != nil && chain.Holds(*env, r.Delta.Ref) {
			out[r.Delta.Ref] = rule.Holding{By: r.By.Ref, Since: env.BegunAt}
		}
	}
	return out, nil
}
