package retry

import (
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/bulk"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

var _ ports.StoreKeeper = (*Store)(nil)

// DeleteAll implements ports.StoreKeeper. What was unavailable is tried again,
// together.
func (s *Store) DeleteAll(ctx context.Context, keys []string) []error {
	out := make([]error, len(keys))
	rest := make([]int, len(keys)) // of keys, what is still to be deleted
	for i := range rest {
		rest[i] = i
	}
	// Each object counts like some bytes: many deletes may take long.
	const each = 10 << 10
	_ = s.repeat(ctx, fmt.Sprintf("delete %d objects", len(keys)), int64(len(keys))*each, func(ctx context.Context) error {
		asked := make([]string, len(rest))
		for i, k := range rest {
			asked[i] = keys[k]
		}
		var again []int
		var failed error
		for i, err := range bulk.Delete(ctx, s.inner, asked) {
			out[rest[i]] = err
			if fault.KindOf(err) == fault.Unavailable {
				again, failed = append(again, rest[i]), err
			}
		}
		rest = again
		return failed
	})
	return out
}

// SweepUploads implements ports.StoreKeeper.
func (s *Store) SweepUploads(ctx context.Context, before time.Time) (removed int, err error) {
	k, ok := s.inner.(ports.StoreKeeper)
	if !ok {
		return 0, nil
	}
	err = s.repeat(ctx, "sweep uploads", 0, func(ctx context.Context) error {
		n, err := k.SweepUploads(ctx, before)
		removed += n
		return err
	})
	return removed, err
}
