package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Steady reads and writes through every member for as long as it runs, as a
// patient client does: one try takes two seconds at most, and what failed is
// tried once more through another member after a pause of etcd's election timeout.
//
// Without the pause a write can be lost twice to one move of the lead. The leader
// drops proposals until the move has ended or, an election timeout later, failed
// (go.etcd.io/raft, leadTransferee): its own client is told so at once, and what
// a follower forwards to it meanwhile comes to nothing without a word.
type Steady struct {
	clients []*clientv3.Client

	mu       sync.Mutex
	calls    []Call
	failures []string
}

// Call is one that succeeded.
type Call struct {
	At      time.Time // when it began
	Took    time.Duration
	Write   bool
	Retried bool
}

const (
	steadyTry   = 2 * time.Second
	steadyPause = 10 * time.Millisecond
	steadyAgain = time.Second // etcd's election timeout, as it is by default
)

// NewSteady connects to each endpoint by itself. Close closes that.
func NewSteady(endpoints ...string) (*Steady, error) {
	s := &Steady{}
	for _, e := range endpoints {
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{e}, DialTimeout: steadyTry, Logger: zap.NewNop()})
		if err != nil {
			s.Close()
			return nil, err
		}
		s.clients = append(s.clients, c)
	}
	return s, nil
}

// Close closes the connections.
func (s *Steady) Close() {
	for _, c := range s.clients {
		_ = c.Close()
	}
}

// Run goes on until ctx ends: a writer and a reader begin at each member.
func (s *Steady) Run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range s.clients {
		for _, write := range []bool{true, false} {
			all.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					s.call(ctx, i, n, write)
					wait(ctx, steadyPause)
				}
			})
		}
	}
	all.Wait()
}

func (s *Steady) call(ctx context.Context, first, n int, write bool) {
	began := time.Now()
	err := s.try(ctx, first, first, n, write)
	retried := err != nil
	if retried {
		wait(ctx, steadyAgain)
		if again := s.try(ctx, first, (first+1)%len(s.clients), n, write); again != nil {
			err = fmt.Errorf("%w; then: %w", err, again)
		} else {
			err = nil
		}
	}
	if ctx.Err() != nil {
		return // it was cut off
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failures = append(s.failures, fmt.Sprintf("%s write=%v: %v", began.Format("15:04:05.000"), write, err))
		return
	}
	s.calls = append(s.calls, Call{At: began, Took: time.Since(began), Write: write, Retried: retried})
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (s *Steady) try(ctx context.Context, worker, via, n int, write bool) error {
	ctx, cancel := context.WithTimeout(ctx, steadyTry)
	defer cancel()
	key := fmt.Sprintf("steady/%d/%d", worker, n%10)
	if write {
		_, err := s.clients[via].Put(ctx, key, fmt.Sprint(n))
		return err
	}
	_, err := s.clients[via].Get(ctx, key)
	return err
}

// Failures returns what failed twice.
func (s *Steady) Failures() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failures)
}

// Summary is what the calls of a time were like.
type Summary struct {
	Calls, Retried int
	Median, P99    time.Duration
	Longest        time.Duration
}

// Between sums up the reads or writes that began between two moments.
func (s *Steady) Between(from, to time.Time, write bool) Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	var took []time.Duration
	var out Summary
	for _, c := range s.calls {
		if c.Write != write || c.At.Before(from) || c.At.After(to) {
			continue
		}
		took = append(took, c.Took)
		if c.Retried {
			out.Retried++
		}
	}
	if out.Calls = len(took); out.Calls == 0 {
		return out
	}
	slices.Sort(took)
	out.Median, out.P99, out.Longest = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	return out
}

// String is the summary in words.
func (s Summary) String() string {
	return fmt.Sprintf("%d calls, %d on a second member; median %s, p99 %s, longest %s", s.Calls, s.Retried,
		s.Median.Round(10*time.Microsecond), s.P99.Round(10*time.Microsecond), s.Longest.Round(time.Millisecond))
}

// Litter writes bytes that stay and bytes that are deleted and compacted away, so
// that each member's database has pages that are free once later transactions are
// committed.
func Litter(ctx context.Context, c *clientv3.Client, live, free int) error {
	const size = 64 << 10
	value := make([]byte, size)
	for i := range value {
		value[i] = byte('a' + i%26)
	}
	put := func(prefix string, n int) error {
		var all sync.WaitGroup
		errs := make([]error, 4)
		for w := range errs {
			all.Go(func() {
				for i := w; i < n; i += len(errs) {
					if _, err := c.Put(ctx, fmt.Sprintf("litter/%s/%06d", prefix, i), string(value)); err != nil {
						errs[w] = err
						return
					}
				}
			})
		}
		all.Wait()
		return errors.Join(errs...)
	}
	if err := put("live", live/size); err != nil {
		return err
	}
	if err := put("gone", free/size); err != nil {
		return err
	}
	r, err := c.Delete(ctx, "litter/gone/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	_, err = c.Compact(ctx, r.Header.Revision, clientv3.WithCompactPhysical())
	return err
}
