package retry

import (
	"context"
	"iter"
	"time"

	"github.com/revkeeper/revkeeper/ports"
)

// List implements ports.ObjectStore. A listing that breaks goes on after the
// last key it gave; each new key forgets earlier breaks.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) {
		for failures := 0; ; {
			started := time.Now()
			last, stopped, err := s.listOnce(ctx, prefix, after, yield)
			if stopped || err == nil {
				return
			}
			if last != after {
				after, failures = last, 0
			}
			failures++
			if s.again(ctx, err, failures) {
				err = s.pause(ctx, attempt{what: "list " + prefix, failures: failures, started: started, err: err})
				if err == nil {
					continue
				}
			}
			yield(ports.Object{}, err)
			return
		}
	}
}

// listOnce passes one listing of inner on to yield. It returns the last key
// given, whether the consumer wants no more, and the listing's error. Only the
// waits for the store are timed, not the consumer.
func (s *Store) listOnce(ctx context.Context, prefix, after string, yield func(ports.Object, error) bool) (last string, stopped bool, err error) {
	limit := s.policy.AttemptTimeout
	tryCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(limit, cancel)
	defer timer.Stop()
	last = after
	for o, listErr := range s.inner.List(tryCtx, prefix, after) {
		timer.Stop()
		if listErr != nil {
			err = listErr
			break
		}
		last = o.Key
		if !yield(o, nil) {
			return last, true, nil
		}
		timer.Reset(limit)
	}
	if err != nil && ctx.Err() == nil && tryCtx.Err() != nil {
		err = timedOut(err, limit)
	}
	return last, false, err
}
