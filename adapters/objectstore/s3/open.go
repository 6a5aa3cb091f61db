package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// Open implements ports.ObjectStore. It costs one request, and a second one
// where the range is empty or outside the object.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	const op = "open object"
	if err := check(ctx, op, key); err != nil {
		return nil, err
	}
	if offset < 0 || length == 0 {
		return s.openEmpty(ctx, op, key, offset, length) // not expressible as a range
	}
	input := &s3.GetObjectInput{Bucket: &s.cfg.Bucket, Key: s.full(key), Range: byteRange(offset, length)}
	out, err := s.client.GetObject(ctx, input)
	switch {
	case err != nil && status(err) == http.StatusRequestedRangeNotSatisfiable:
		return s.openEmpty(ctx, op, key, offset, length)
	case err != nil:
		return nil, s.failure(ctx, op, key, err)
	}
	left := aws.ToInt64(out.ContentLength)
	if err := checkAnswer(op, key, offset, length, out); err != nil {
		return nil, errors.Join(err, out.Body.Close())
	}
	return &reader{store: s, ctx: ctx, key: key, body: out.Body, left: left}, nil
}

// checkAnswer makes sure that the server sends what was asked for. S3 shortens a
// range that goes beyond the end and says nothing; others ignore ranges.
func checkAnswer(op, key string, offset, length int64, out *s3.GetObjectOutput) error {
	if out.ContentLength == nil {
		return fault.New(fault.Unsupported, op, key, "the server does not say how long its answer is")
	}
	sent := *out.ContentLength
	if offset == 0 && length < 0 {
		return nil
	}
	total, ok := totalSize(aws.ToString(out.ContentRange), offset)
	if !ok {
		return fault.New(fault.Unsupported, op, key, fmt.Sprintf("asked for a range from %d, the server sends %q", offset, aws.ToString(out.ContentRange)))
	}
	if err := objectkey.CheckRange(op, key, offset, length, total); err != nil {
		return err
	}
	want := length
	if length < 0 {
		want = total - offset
	}
	if sent != want {
		return fault.New(fault.Unsupported, op, key, fmt.Sprintf("asked for %d bytes, the server sends %d", want, sent))
	}
	return nil
}

// openEmpty answers for ranges without a byte: valid ones are empty readers.
func (s *Store) openEmpty(ctx context.Context, op, key string, offset, length int64) (io.ReadCloser, error) {
	o, err := s.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := objectkey.CheckRange(op, key, offset, length, o.Size); err != nil {
		return nil, err
	}
	if length > 0 || offset != o.Size && length < 0 {
		return nil, fault.New(fault.Unavailable, op, key, "the server refuses a range that lies within the object")
	}
	return &reader{store: s, ctx: ctx, key: key, body: http.NoBody}, nil
}

// byteRange is the Range header, nil for the whole object.
func byteRange(offset, length int64) *string {
	switch {
	case offset == 0 && length < 0:
		return nil
	case length < 0:
		return aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	return aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
}

// totalSize reads the object's size out of a Content-Range header, which must
// start at offset.
func totalSize(contentRange string, offset int64) (int64, bool) {
	bounds, total, ok := strings.Cut(contentRange, "/")
	if !ok || !strings.HasPrefix(bounds, fmt.Sprintf("bytes %d-", offset)) {
		return 0, false
	}
	n, err := strconv.ParseInt(total, 10, 64)
	return n, err == nil
}

// reader is a response body that knows how long it must be.
type reader struct {
	store *Store
	ctx   context.Context //nolint:containedctx // the reader belongs to the call that opened it
	key   string
	body  io.ReadCloser
	left  int64 // bytes
}

// Read implements io.Reader. A stream that ends early gives an error that is
// io.ErrUnexpectedEOF and of kind Unavailable.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && r.left == 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, r.store.failure(r.ctx, "read object", r.key, err)
}

// Close implements io.Closer. It does not read the rest.
func (r *reader) Close() error { return r.body.Close() }
