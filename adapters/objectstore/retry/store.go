// Package retry makes an object store patient: what is unavailable is tried
// again, with growing waits, and everything else is returned at once.
//
// A Create whose answer was lost may have stored its object. If a later try of
// the same call then meets an object with the same content, the call succeeded.
package retry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// Store is a ports.ObjectStore that tries again.
type Store struct {
	inner    ports.ObjectStore
	policy   Policy
	observer ports.Observer
}

var _ ports.ObjectStore = (*Store)(nil)

// New returns a store that tries the calls of inner as policy says and tells
// observer of every try that failed and will be repeated. A bad policy is
// Invalid.
func New(inner ports.ObjectStore, policy Policy, observer ports.Observer) (*Store, error) {
	if err := fault.Problems(policy.Validate()).OrNil(); err != nil {
		return nil, err
	}
	return &Store{inner: inner, policy: policy, observer: observer}, nil
}

// Capabilities implements ports.ObjectStore.
func (s *Store) Capabilities() ports.Capabilities { return s.inner.Capabilities() }

// Stat implements ports.ObjectStore.
func (s *Store) Stat(ctx context.Context, key string) (o ports.Object, err error) {
	err = s.repeat(ctx, "stat "+key, 0, func(ctx context.Context) error {
		o, err = s.inner.Stat(ctx, key)
		return err
	})
	return o, err
}

// Delete implements ports.ObjectStore.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.repeat(ctx, "delete "+key, 0, func(ctx context.Context) error {
		return s.inner.Delete(ctx, key)
	})
}

// repeat calls try until it succeeds, fails for good, or the policy or ctx says
// enough. Each try has its own deadline; size is what it sends, in bytes.
func (s *Store) repeat(ctx context.Context, what string, size int64, try func(context.Context) error) error {
	for failures := 0; ; {
		started := time.Now()
		err := s.once(ctx, size, try)
		if err == nil {
			return nil
		}
		failures++
		if !s.again(ctx, err, failures) {
			return err
		}
		if err := s.pause(ctx, attempt{what: what, failures: failures, size: size, started: started, err: err}); err != nil {
			return err
		}
	}
}

// once makes one try and turns the end of its own deadline into Unavailable.
func (s *Store) once(ctx context.Context, size int64, try func(context.Context) error) error {
	limit := s.policy.timeout(size)
	tryCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := try(tryCtx)
	if err != nil && ctx.Err() == nil && tryCtx.Err() != nil && !errors.Is(err, fault.Conflict) {
		return timedOut(err, limit)
	}
	return err
}

func timedOut(err error, limit time.Duration) error {
	return &fault.Error{
		Kind: fault.Unavailable, Op: "wait for the object store",
		Detail: fmt.Sprintf("no answer within %v", limit), Err: err,
	}
}

// again reports whether a call that failed that often should be tried again.
func (s *Store) again(ctx context.Context, err error, failures int) bool {
	return ctx.Err() == nil && fault.KindOf(err) == fault.Unavailable && failures < s.policy.Attempts
}

// attempt is a try that failed.
type attempt struct {
	what     string
	failures int // of this call so far
	size     int64
	started  time.Time
	err      error
}

// pause tells the observer and waits; it returns the failure, with the
// context's error, if ctx ends first.
func (s *Store) pause(ctx context.Context, a attempt) error {
	wait := s.policy.wait(a.failures)
	now := time.Now()
	s.observer.Observe(event.Event{
		At: now, Kind: event.StoreRetried, Level: event.Warn,
		Message: fmt.Sprintf("the store could not %s (attempt %d of %d), trying again in %v",
			strings.TrimSpace(a.what), a.failures, s.policy.Attempts, wait.Round(time.Millisecond)),
		Bytes: a.size, Took: now.Sub(a.started), Err: a.err,
	})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, a.what, "", errors.Join(ctx.Err(), a.err))
	case <-timer.C:
		return nil
	}
}
