// Package meter counts what an object store is asked and what it answers.
package meter

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// The values of the label operation.
const (
	opCreate = "create"
	opOpen   = "open" // until the stream begins
	opRead   = "read" // the stream, from its begin to its close
	opStat   = "stat"
	opList   = "list"
	opDelete = "delete"
	opSweep  = "sweep" // of what aborted uploads left
)

// Values of the label result beside the kinds of fault.
const (
	resultOK       = "ok"
	resultCanceled = "canceled" // the caller's context ended first
)

// Store is a ports.ObjectStore that keeps three metrics:
//
//	revkeeper_store_calls_total{operation,result}
//	revkeeper_store_call_duration_seconds{operation}
//	revkeeper_store_bytes_total{direction}  direction is sent or received
type Store struct {
	inner    ports.ObjectStore
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sent     prometheus.Counter
	received prometheus.Counter
}

var _ ports.ObjectStore = (*Store)(nil)

// New returns a store that meters inner with metrics registered at registerer.
// Registering twice is an error of kind Internal.
func New(inner ports.ObjectStore, registerer prometheus.Registerer) (*Store, error) {
	bytes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "revkeeper_store_bytes_total",
		Help: "Object bytes sent by creates that succeeded and received by reads.",
	}, []string{"direction"})
	s := &Store{
		inner: inner,
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "revkeeper_store_calls_total",
			Help: "Calls of the object store by operation and result; each try of a repeated call counts.",
		}, []string{"operation", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "revkeeper_store_call_duration_seconds",
			Help:    "How long calls of the object store took, whatever their result.",
			Buckets: prometheus.ExponentialBuckets(0.005, 4, 9), // 5 ms to 5.5 min
		}, []string{"operation"}),
		sent:     bytes.WithLabelValues("sent"),
		received: bytes.WithLabelValues("received"),
	}
	for _, c := range []prometheus.Collector{bytes, s.calls, s.seconds} {
		if err := registerer.Register(c); err != nil {
			return nil, fault.Wrap(fault.Internal, "register store metrics", "", err)
		}
	}
	for _, op := range []string{opCreate, opOpen, opRead, opStat, opList, opDelete, opSweep} {
		s.calls.WithLabelValues(op, resultOK) // so that rates start at zero
	}
	return s, nil
}

// count records one finished call.
func (s *Store) count(op string, started time.Time, err error) {
	s.calls.WithLabelValues(op, result(err)).Inc()
	s.seconds.WithLabelValues(op).Observe(time.Since(started).Seconds())
}

func result(err error) string {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, context.Canceled):
		return resultCanceled
	}
	return string(fault.KindOf(err))
}

// Capabilities implements ports.ObjectStore.
func (s *Store) Capabilities() ports.Capabilities { return s.inner.Capabilities() }

// Create implements ports.ObjectStore.
func (s *Store) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	started := time.Now()
	err := s.inner.Create(ctx, key, body, size)
	s.count(opCreate, started, err)
	if err == nil {
		s.sent.Add(float64(size))
	}
	return err
}

// Open implements ports.ObjectStore.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	started := time.Now()
	body, err := s.inner.Open(ctx, key, offset, length)
	s.count(opOpen, started, err)
	if err != nil {
		return nil, err
	}
	return &reader{store: s, body: body, started: time.Now()}, nil
}

// Stat implements ports.ObjectStore.
func (s *Store) Stat(ctx context.Context, key string) (ports.Object, error) {
	started := time.Now()
	o, err := s.inner.Stat(ctx, key)
	s.count(opStat, started, err)
	return o, err
}

// List implements ports.ObjectStore. The time of the consumer is in its duration.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) {
		started := time.Now()
		var last error
		defer func() { s.count(opList, started, last) }()
		for o, err := range s.inner.List(ctx, prefix, after) {
			last = err
			if !yield(o, err) {
				return
			}
		}
	}
}

// Delete implements ports.ObjectStore.
func (s *Store) Delete(ctx context.Context, key string) error {
	started := time.Now()
	err := s.inner.Delete(ctx, key)
	s.count(opDelete, started, err)
	return err
}

// reader meters one stream.
type reader struct {
	store   *Store
	body    io.ReadCloser
	started time.Time
	err     error // the first error other than io.EOF
	closed  bool
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.store.received.Add(float64(n))
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return n, err
}

// Close implements io.Closer. It counts the stream, once.
func (r *reader) Close() error {
	if !r.closed {
		r.closed = true
		r.store.count(opRead, r.started, r.err)
	}
	return r.body.Close()
}
