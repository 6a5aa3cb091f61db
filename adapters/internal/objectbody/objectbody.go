// Package objectbody reads what a caller of ports.ObjectStore's Create handed in
// and tells its errors apart from those of the store.
package objectbody

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Failure classifies an error of the caller's body. A body with fewer bytes
// than announced is Invalid; other errors keep their own kind, so that a plain
// one is not taken for something a store mends by trying again.
func Failure(op, key string, err error) error {
	kind := fault.KindOf(err)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		kind, err = fault.Invalid, io.ErrUnexpectedEOF
	}
	return &fault.Error{Kind: kind, Op: op, Object: key, Detail: "its body cannot be read to the end", Err: err}
}

// Reader reads size bytes of a body in order and can be rewound. It checks the
// context before each read. It is not safe for concurrent use, except for Err.
type Reader struct {
	ctx    context.Context //nolint:containedctx // lives for one call of Create
	body   io.ReaderAt
	size   int64
	offset int64

	mu  sync.Mutex
	err error
}

// NewReader returns a Reader over the first size bytes of body.
func NewReader(ctx context.Context, body io.ReaderAt, size int64) *Reader {
	return &Reader{ctx: ctx, body: body, size: size}
}

// Read implements io.Reader. A body that ends before size bytes gives
// io.ErrUnexpectedEOF.
func (r *Reader) Read(p []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), r.size-r.offset)]
	n, err := r.body.ReadAt(p, r.offset)
	r.offset += int64(n)
	if n == len(p) {
		return n, nil // ReadAt may add io.EOF at the very end
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
	return n, err
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start of the body")
	}
	r.offset = offset
	return offset, nil
}

// Err returns the body's first error, nil if reading it went well.
func (r *Reader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
