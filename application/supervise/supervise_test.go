package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/domain/event"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

// script is a poller that plays observations.
type script func(ctx context.Context, see func(rolerule.Sight)) error

func (s script) Run(ctx context.Context, enter func(rolerule.Transition)) error {
	t := rolerule.Initial()
	enter(t)
	return s(ctx, func(sight rolerule.Sight) {
		t = rolerule.Next(t.To, rolerule.Observation{Sight: sight})
		if t.Changed() {
			enter(t)
		}
	})
}

func idle(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// log writes down what happened, in order, and how often a duty runs at once.
type log struct {
	mu      sync.Mutex
	lines   []string
	running map[rolerule.Duty]int
	worst   int
}

func newLog() *log { return &log{running: map[rolerule.Duty]int{}} }

func (l *log) Observe(e event.Event) {
	if e.Kind == event.DutyFailed {
		l.add("failed: " + e.Message)
	}
}

func (l *log) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, s)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, ", ")
}

func (l *log) duty(name rolerule.Duty) supervise.Duty {
	return supervise.Duty{Name: name, Run: func(ctx context.Context) error {
		l.mu.Lock()
		l.running[name]++
		l.worst = max(l.worst, l.running[name])
		l.lines = append(l.lines, "+"+string(name))
		l.mu.Unlock()
		<-ctx.Done()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running[name]--
		l.lines = append(l.lines, "-"+string(name))
		return ctx.Err()
	}}
}

func TestDutiesStartAndStopInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ctx, cancel := context.WithCancel(t.Context())
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			for _, sight := range []rolerule.Sight{rolerule.Leading, rolerule.Busy, rolerule.NoLeader, rolerule.Leading} {
				synctest.Wait()
				l.add(string(sight))
				see(sight)
			}
			synctest.Wait()
			cancel()
			return idle(ctx)
		}), []supervise.Duty{l.duty(rolerule.Backup), l.duty(rolerule.Heartbeat)}, nil, time.Second, l)
		if err := s.Live(); err == nil {
			t.Error("live before it runs")
		}
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		want := "+heartbeat, leading, +backup, busy, no leader, -backup, -heartbeat, leading"
		if got := l.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "-backup, -heartbeat") {
			t.Errorf("got  %s\nwant %s, …, -backup, -heartbeat", got, want)
		}
		if len(s.Duties()) != 0 || s.Live() == nil {
			t.Errorf("still %v, live %v", s.Duties(), s.Live())
		}
	})
}

// synctest fails the test if a goroutine is left.
func TestFlappingLeavesNothingAndNeverTwoOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ctx, cancel := context.WithCancel(t.Context())
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			for i := range 200 {
				see([]rolerule.Sight{rolerule.Leading, rolerule.Following, rolerule.Failed, rolerule.Leading, rolerule.NoLeader}[i%5])
			}
			cancel()
			return idle(ctx)
		}), []supervise.Duty{l.duty(rolerule.Heartbeat), l.duty(rolerule.Backup)}, nil, time.Second, l)
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		if l.worst != 1 || l.running[rolerule.Backup] != 0 || l.running[rolerule.Heartbeat] != 0 {
			t.Errorf("up to %d at once, left %v", l.worst, l.running)
		}
	})
}

func TestFinishIsCalledOnShutdownWhileTheDutyRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		d := l.duty(rolerule.Backup)
		d.Finish = func(context.Context) error {
			l.add("finish")
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			see(rolerule.Leading)
			synctest.Wait()
			cancel()
			return idle(ctx)
		}), []supervise.Duty{d}, nil, time.Second, l)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := l.String(); got != "+backup, finish, -backup" {
			t.Errorf("got %s", got)
		}
	})
}

func TestFinishIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		d := l.duty(rolerule.Backup)
		d.Finish = idle
		ctx, cancel := context.WithCancel(t.Context())
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			see(rolerule.Leading)
			cancel()
			return idle(ctx)
		}), []supervise.Duty{d}, nil, 7*time.Second, l)
		began := time.Now()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 7*time.Second || !strings.Contains(l.String(), "could not finish") {
			t.Errorf("took %s: %s", took, l)
		}
	})
}

// A role that is lost is no graceful shutdown: nothing is finished.
func TestALostRoleFinishesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		d := l.duty(rolerule.Backup)
		d.Finish = func(context.Context) error {
			l.add("finish")
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			see(rolerule.Leading)
			synctest.Wait()
			see(rolerule.NoLeader)
			cancel()
			return idle(ctx)
		}), []supervise.Duty{d}, nil, time.Second, l)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := l.String(); got != "+backup, -backup" {
			t.Errorf("got %s", got)
		}
	})
}

func TestADutyThatFailsIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		ctx, cancel := context.WithCancel(t.Context())
		var starts []time.Time
		d := supervise.Duty{Name: rolerule.Backup, Run: func(ctx context.Context) error {
			starts = append(starts, time.Now())
			if len(starts) == 4 {
				cancel()
				return idle(ctx)
			}
			return fmt.Errorf("try %d", len(starts))
		}}
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			see(rolerule.Leading)
			return idle(ctx)
		}), []supervise.Duty{d}, nil, time.Second, l)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if len(starts) != 4 || starts[1].Equal(starts[0]) {
			t.Errorf("started at %v; want four times, with pauses", starts)
		}
		if n := strings.Count(l.String(), "failed"); n != 3 {
			t.Errorf("%d failures were told: %s", n, l)
		}
	})
}

func TestAServiceThatFailsEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		broken := errors.New("address in use")
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			see(rolerule.Leading)
			return idle(ctx)
		}), []supervise.Duty{l.duty(rolerule.Heartbeat), l.duty(rolerule.Backup)}, []supervise.Service{
			{Name: "look", Run: idle},
			{Name: "http", Run: func(context.Context) error {
				time.Sleep(time.Minute)
				return broken
			}},
		}, time.Second, l)
		if err := s.Run(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "http") {
			t.Errorf("Run = %v", err)
		}
		if got := l.String(); !strings.HasSuffix(got, "-backup, -heartbeat") {
			t.Errorf("got %s", got)
		}
	})
}

// A duty may hang in a disk that does not answer. The role poll goes on, the
// other duties stop, and the duty does not run twice when the role comes back.
func TestADutyThatDoesNotEndHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		disk := make(chan struct{})
		hangs := l.duty(rolerule.Backup)
		run := hangs.Run
		hangs.Run = func(ctx context.Context) error {
			err := run(ctx)
			<-disk
			return err
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := supervise.New(script(func(ctx context.Context, see func(rolerule.Sight)) error {
			see(rolerule.Leading)
			synctest.Wait()
			began := time.Now()
			see(rolerule.NoLeader)
			if took := time.Since(began); took > time.Second {
				t.Errorf("the poll waited for %s", took)
			}
			synctest.Wait()
			if l.running[rolerule.Heartbeat] != 0 {
				t.Error("the heartbeat goes on")
			}
			see(rolerule.Leading)
			time.Sleep(time.Hour)
			l.add("an hour later")
			close(disk)
			synctest.Wait()
			cancel()
			return idle(ctx)
		}), []supervise.Duty{hangs, l.duty(rolerule.Heartbeat)}, nil, time.Second, l)
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		before, after, _ := strings.Cut(l.String(), "an hour later")
		if strings.Count(before, "+backup") != 1 || strings.Count(after, "+backup") != 1 || !strings.HasSuffix(after, "-heartbeat") {
			t.Errorf("it went: %s", l)
		}
	})
}
