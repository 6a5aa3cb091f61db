package meter

import (
	"context"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/bulk"
	"github.com/revkeeper/revkeeper/ports"
)

var _ ports.StoreKeeper = (*Store)(nil)

// DeleteAll implements ports.StoreKeeper. It counts as one call of delete, which
// failed if a key did.
func (s *Store) DeleteAll(ctx context.Context, keys []string) []error {
	started := time.Now()
	errs := bulk.Delete(ctx, s.inner, keys)
	var first error
	for _, err := range errs {
		if err != nil {
			first = err
			break
		}
	}
	s.count(opDelete, started, first)
	return errs
}

// SweepUploads implements ports.StoreKeeper.
func (s *Store) SweepUploads(ctx context.Context, before time.Time) (int, error) {
	k, ok := s.inner.(ports.StoreKeeper)
	if !ok {
		return 0, nil
	}
	started := time.Now()
	n, err := k.SweepUploads(ctx, before)
	s.count(opSweep, started, err)
	return n, err
}
