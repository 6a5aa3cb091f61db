package retry

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// progress is how many bytes a stream must have given for its earlier breaks to
// be forgotten. So a bad line is survived, and a stream that breaks at every
// byte is not.
const progress = 1 << 20

// Open implements ports.ObjectStore. A stream that breaks goes on where it
// broke, which is sound because objects never change.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r := &reader{store: s, ctx: ctx, key: key, offset: offset, length: length}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// reader is an object's stream with what is needed to open it again.
type reader struct {
	store          *Store
	ctx            context.Context //nolint:containedctx // the reader belongs to the call that opened it
	key            string
	offset, length int64 // what is still to come; length < 0: to the end

	body     io.ReadCloser
	cancel   context.CancelFunc // ends body's connection
	failures int                // breaks since the last progress
	arrived  int64              // bytes since the last break
	err      error              // what ended the stream
}

// open opens what is still to come. The deadline of the policy is for opening
// only: the stream may live as long as its reader.
func (r *reader) open() error {
	policy := r.store.policy
	return r.store.repeat(r.ctx, "open "+r.key, 0, func(context.Context) error {
		ctx, cancel := context.WithCancel(r.ctx)
		timer := time.AfterFunc(policy.AttemptTimeout, cancel)
		body, err := r.store.inner.Open(ctx, r.key, r.offset, r.length)
		if inTime := timer.Stop(); err == nil && !inTime {
			err = errors.Join(ctx.Err(), body.Close())
		}
		if err != nil {
			if r.ctx.Err() == nil && ctx.Err() != nil {
				err = timedOut(err, policy.AttemptTimeout)
			}
			cancel()
			return err
		}
		r.body, r.cancel = body, cancel
		return nil
	})
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for r.err == nil {
		n, err := r.read(p)
		r.advance(int64(n))
		if err == nil || err == io.EOF {
			r.err = err
			return n, err
		}
		r.err = r.resume(err)
		if n > 0 {
			return n, nil // the error, if it stays one, comes with the next Read
		}
	}
	return 0, r.err
}

// read reads once from the stream, which has to give something in time.
func (r *reader) read(p []byte) (int, error) {
	limit := r.store.policy.AttemptTimeout
	timer := time.AfterFunc(limit, r.cancel)
	n, err := r.body.Read(p)
	if !timer.Stop() && err != nil && !errors.Is(err, io.EOF) && r.ctx.Err() == nil {
		err = timedOut(err, limit)
	}
	return n, err
}

func (r *reader) advance(n int64) {
	r.offset += n
	if r.length > 0 {
		r.length -= n
	}
	if r.arrived += n; r.arrived >= progress {
		r.failures = 0
	}
}

// resume opens the rest after a break; it returns what ends the stream for good.
func (r *reader) resume(cause error) error {
	r.failures++
	if !r.store.again(r.ctx, cause, r.failures) {
		return cause
	}
	_ = r.close() // it is broken; what matters is that it is let go
	now := time.Now()
	if err := r.store.pause(r.ctx, attempt{what: "read " + r.key, failures: r.failures, size: r.arrived, started: now, err: cause}); err != nil {
		return err
	}
	r.arrived = 0
	return r.open()
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.err == nil {
		r.err = fault.New(fault.Internal, "read object", r.key, "it is closed")
	}
	return r.close()
}

func (r *reader) close() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	defer r.cancel()
	return body.Close()
}
