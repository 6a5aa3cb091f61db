// Package pace bounds how fast objects are read and written, so that work that
// can wait leaves the network to work that cannot.
package pace

import (
	"context"
	"errors"
	"io"

	"golang.org/x/time/rate"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// burst is how much may pass at once, in bytes.
const burst = 256 << 10

// Store is a ports.ObjectStore whose reads and writes together stay below a
// rate. Listings and other small answers are not counted.
type Store struct {
	ports.ObjectStore
	limit *rate.Limiter
}

var _ ports.ObjectStore = (*Store)(nil)

// New returns a store over inner that moves at most bytesPerSecond; 0 means no
// bound.
func New(inner ports.ObjectStore, bytesPerSecond int64) *Store {
	s := &Store{ObjectStore: inner}
	if bytesPerSecond > 0 {
		s.limit = rate.NewLimiter(rate.Limit(bytesPerSecond), burst)
	}
	return s
}

// Create implements ports.ObjectStore. What the inner store reads again counts
// again.
func (s *Store) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	if s.limit == nil {
		return s.ObjectStore.Create(ctx, key, body, size)
	}
	return s.ObjectStore.Create(ctx, key, &pacedBody{ctx, s.limit, body}, size)
}

// Open implements ports.ObjectStore.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := s.ObjectStore.Open(ctx, key, offset, length)
	if err != nil || s.limit == nil {
		return r, err
	}
	return &pacedReader{ctx, s.limit, r}, nil
}

// wait takes n bytes from the limit.
func wait(ctx context.Context, limit *rate.Limiter, n int) error {
	for n > 0 {
		part := min(n, burst)
		if err := limit.WaitN(ctx, part); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// A deadline that would pass while waiting.
			return fault.Wrap(fault.Unavailable, "wait for bandwidth", "", errors.Join(err, context.DeadlineExceeded))
		}
		n -= part
	}
	return nil
}

type pacedBody struct {
	ctx   context.Context //nolint:containedctx // lives for one call of Create
	limit *rate.Limiter
	body  io.ReaderAt
}

func (b *pacedBody) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.body.ReadAt(p, off)
	if waited := wait(b.ctx, b.limit, n); waited != nil {
		return 0, waited
	}
	return n, err
}

type pacedReader struct {
	ctx   context.Context //nolint:containedctx // of the call that opened the stream
	limit *rate.Limiter
	io.ReadCloser
}

func (r *pacedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p[:min(len(p), burst)])
	if waited := wait(r.ctx, r.limit, n); waited != nil {
		return 0, waited
	}
	return n, err
}
