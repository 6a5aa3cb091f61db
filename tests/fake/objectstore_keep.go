package fake

import (
	"context"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

var _ ports.StoreKeeper = (*ObjectStore)(nil)

// DeleteAll implements ports.StoreKeeper. Faults of Delete strike its keys one by
// one.
func (s *ObjectStore) DeleteAll(ctx context.Context, keys []string) []error {
	out := make([]error, len(keys))
	for i, key := range keys {
		out[i] = s.Delete(ctx, key)
	}
	return out
}

// Abandon leaves an upload that never ends, last heard of at a moment.
func (s *ObjectStore) Abandon(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned = append(s.abandoned, at)
}

// SweepUploads implements ports.StoreKeeper.
func (s *ObjectStore) SweepUploads(ctx context.Context, before time.Time) (removed int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, fault.Wrap(fault.Unavailable, "sweep uploads", "", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var rest []time.Time
	for _, at := range s.abandoned {
		if at.Before(before) {
			removed++
		} else {
			rest = append(rest, at)
		}
	}
	s.abandoned = rest
	return removed, nil
}
