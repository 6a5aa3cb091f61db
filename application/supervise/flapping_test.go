package supervise_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/tests/fake"
)

var polled = role.Config{Interval: 200 * time.Millisecond, Timeout: 100 * time.Millisecond}

// fickle is a member that says something else with each poll, in every way in
// which leadership is won and lost.
type fickle struct {
	mu   sync.Mutex
	rng  *rand.Rand
	term uint64
	// won counts how often it led and did not before.
	won   int
	leads bool
	calm  bool // it follows
}

func (f *fickle) Status(ctx context.Context) (cluster.Status, error) {
	s := cluster.Status{ClusterID: 9, MemberID: 1, Leader: 2}
	f.mu.Lock()
	lead := !f.leads && !f.calm
	way := f.rng.IntN(5)
	after := time.Duration(f.rng.Int64N(int64(polled.Timeout)))
	f.term++
	s.RaftTerm = f.term
	f.leads = lead
	if lead {
		f.won++
		s.Leader = s.MemberID
	}
	calm := f.calm
	f.mu.Unlock()
	if lead || calm {
		way = 0
	}
	switch way {
	case 1:
		s.Leader = 0
	case 2:
		s.Learner = true
	case 3:
		return cluster.Status{}, fault.New(fault.Unavailable, "status", "", "connection refused")
	case 4:
		after = time.Hour
	}
	select {
	case <-time.After(after):
		return s, nil
	case <-ctx.Done():
		return cluster.Status{}, fault.Wrap(fault.Unavailable, "status", "", ctx.Err())
	}
}

// Members and MemberStatus implement role.Others.
func (f *fickle) Members(context.Context) ([]cluster.Member, error) {
	return nil, fault.New(fault.Unavailable, "members", "", "no quorum")
}

func (f *fickle) MemberStatus(context.Context, cluster.Member) (cluster.Status, error) {
	return cluster.Status{}, fault.New(fault.Unavailable, "status", "", "connection refused")
}

func (f *fickle) wins() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.won
}

func (f *fickle) set(calm bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calm = calm
}

// worker is a duty that does several things at once, as a backup does, and needs
// a moment to end.
type worker struct {
	mu              sync.Mutex
	rng             *rand.Rand
	runs, now, most int
}

func (w *worker) count(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now += by
	w.most = max(w.most, w.now)
	w.runs += max(by, 0)
}

func (w *worker) seen() (runs, now, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs, w.now, w.most
}

func (w *worker) Run(ctx context.Context) error {
	w.count(1)
	defer w.count(-1)
	g, ctx := errgroup.WithContext(ctx)
	for range 3 {
		g.Go(func() error {
			<-ctx.Done()
			w.mu.Lock()
			last := time.Duration(w.rng.Int64N(int64(3 * polled.Interval)))
			w.mu.Unlock()
			time.Sleep(last)
			return ctx.Err()
		})
	}
	return g.Wait()
}

// goroutines counts them. Those that are about to end are waited for until there are
// as few as expected: on a busy machine that takes the system a while, and the clock
// stands still in here.
func goroutines(expected int) int {
	synctest.Wait()
	n := runtime.NumGoroutine()
	for tries := 0; n > expected && tries < 200_000; tries++ {
		runtime.Gosched()
		n = min(n, runtime.NumGoroutine())
	}
	return n
}

func TestLeadershipThatFlapsAThousandTimes(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { flap(t, seed, 1000) })
		})
	}
}

func flap(t *testing.T, seed uint64, times int) {
	before := goroutines(0)
	l := newLog()
	f := &fickle{rng: rand.New(rand.NewPCG(seed, 1))}
	work := map[rolerule.Duty]*worker{}
	var duties []supervise.Duty
	for _, name := range rolerule.Leader.Duties() {
		work[name] = &worker{rng: rand.New(rand.NewPCG(seed, 2))}
		duties = append(duties, supervise.Duty{Name: name, Run: work[name].Run})
	}
	s := supervise.New(role.NewPoller(polled, f, f, l), duties, nil, time.Second, l)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	asFollower := func(expected int) int {
		f.set(true)
		time.Sleep(time.Minute)
		return goroutines(expected)
	}

	first := asFollower(0)
	for f.set(false); f.wins() < times; {
		time.Sleep(polled.Interval)
	}
	if last := asFollower(first); last > first {
		t.Errorf("%d goroutines as follower, %d before it ever led", last, first)
	}
	for name, w := range work {
		want := 0
		if name == rolerule.Heartbeat {
			want = 1
		}
		if runs, now, most := w.seen(); now != want || most != 1 || want == 0 && runs < times {
			t.Errorf("%s ran %d times, %d at once, %d now", name, runs, most, now)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if after := goroutines(before); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// A store that never answers holds nobody: the upload of a leader that lost the
// lead is broken off the moment that is seen.
func TestAnUploadEndsWithTheRole(t *testing.T) {
	for name, lose := range map[string]func(*cluster.Status){
		"another leads": func(s *cluster.Status) { s.Leader = 2 },
		"nobody leads":  func(s *cluster.Status) { s.Leader = 0 },
		"a new member":  func(s *cluster.Status) { s.MemberID = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, store := newLog(), fake.NewObjectStore()
				store.Inject(fake.Fault{Op: fake.Create, Hang: true, Times: -1})
				m := &steady{status: cluster.Status{ClusterID: 9, MemberID: 1, Leader: 1}}
				p := role.NewPoller(polled, m, &fickle{}, l)
				var mu sync.Mutex
				var ended time.Time
				upload := supervise.Duty{Name: rolerule.Backup, Run: func(ctx context.Context) error {
					err := store.Create(ctx, "delta", bytes.NewReader([]byte("content")), 7)
					mu.Lock()
					defer mu.Unlock()
					if ended = time.Now(); !errors.Is(err, context.Canceled) {
						t.Errorf("the upload ended with %v", err)
					}
					return err
				}}
				s := supervise.New(p, []supervise.Duty{upload}, nil, time.Second, l)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- s.Run(ctx) }()
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := store.Calls(fake.Create); n != 1 || p.Now().Role != rolerule.Leader {
					t.Fatalf("%d uploads as %s", n, p.Now().Role)
				}
				m.become(lose)
				lost := time.Now()
				time.Sleep(time.Second)
				synctest.Wait()
				mu.Lock()
				if now := p.Now(); now.Role == rolerule.Leader || ended.IsZero() || !ended.Equal(now.Since) || ended.Sub(lost) > polled.Interval+polled.Timeout {
					t.Errorf("%s since %s; lost at %s, the upload ended at %s", now.Role, now.Since, lost, ended)
				}
				mu.Unlock()
				if len(store.Keys()) > 0 || store.Calls(fake.Create) != 1 {
					t.Errorf("stored %v in %d tries", store.Keys(), store.Calls(fake.Create))
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// steady is a member that says one thing until it is told another.
type steady struct {
	mu     sync.Mutex
	status cluster.Status
}

func (s *steady) become(change func(*cluster.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

func (s *steady) Status(context.Context) (cluster.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status, nil
}
