package local

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// reader yields exactly the range asked for; a file that shrank meanwhile is an
// error, never a quiet end.
type reader struct {
	ctx  context.Context //nolint:containedctx // the reader belongs to the call that opened it
	file *os.File
	key  string
	left int64 // bytes
}

func newReader(ctx context.Context, f *os.File, key string, offset, length int64) (*reader, error) {
	const op = "open object"
	info, err := f.Stat()
	if err != nil {
		return nil, unreadable(op, key, err)
	}
	if !info.Mode().IsRegular() {
		return nil, notAnObject(op, key)
	}
	if err := objectkey.CheckRange(op, key, offset, length, info.Size()); err != nil {
		return nil, err
	}
	if length < 0 {
		length = info.Size() - offset
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, unreadable(op, key, err)
	}
	return &reader{ctx: ctx, file: f, key: key, left: length}, nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, unreadable("read object", r.key, err)
	}
	n, err := r.file.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF):
		return n, &fault.Error{
			Kind: fault.Corrupt, Op: "read object", Object: r.key,
			Detail: "the file shrank while it was read", Err: io.ErrUnexpectedEOF,
		}
	case err != nil:
		return n, unreadable("read object", r.key, err)
	}
	return n, nil
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.file.Close() }
