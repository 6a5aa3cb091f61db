// Package bulk deletes many objects through stores that take one at a time.
package bulk

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// parallel is how many deletes are under way at once.
const parallel = 4

// Each calls remove for every key, a few at a time and begun in order, and returns
// the answers in order. Once ctx is done the rest is answered with its error.
func Each(ctx context.Context, keys []string, remove func(ctx context.Context, key string) error) []error {
	out := make([]error, len(keys))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, key := range keys {
		if err := ctx.Err(); err != nil {
			out[i] = fault.Wrap(fault.Unavailable, "delete object", key, err)
			continue
		}
		g.Go(func() error {
			out[i] = remove(ctx, key)
			return nil
		})
	}
	_ = g.Wait() // the answers are in out
	return out
}

// Delete deletes through what the store offers.
func Delete(ctx context.Context, store ports.ObjectStore, keys []string) []error {
	if k, ok := store.(ports.StoreKeeper); ok {
		return k.DeleteAll(ctx, keys)
	}
	return Each(ctx, keys, store.Delete)
}
