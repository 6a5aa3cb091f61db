package heartbeat_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	duty "github.com/revkeeper/revkeeper/application/heartbeat"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/tests/fake"
)

var card = heartbeat.Card{Name: "m0", ClusterID: 0xc0de, MemberID: 0xa1, Address: "http://127.0.0.1:8380", Version: "test"}

// log remembers the kinds of events.
type log struct {
	mu    sync.Mutex
	kinds []event.Kind
}

func (l *log) Observe(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kinds = append(l.kinds, e.Kind)
}

func (l *log) count(k event.Kind) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range l.kinds {
		if kind == k {
			n++
		}
	}
	return n
}

// marks remembers what was published and fails on demand.
type marks struct {
	mu        sync.Mutex
	published []heartbeat.Marks
	err       error
}

func (m *marks) Publish(_ context.Context, what heartbeat.Marks) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.published = append(m.published, what)
	return m.err
}

func (m *marks) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *marks) all() []heartbeat.Marks {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.published)
}

type world struct {
	beats  *fake.Heartbeats
	marks  *marks
	log    *log
	leads  atomic.Bool
	duty   *duty.Duty
	cancel context.CancelFunc
	ended  chan error
}

// within runs a test with the duty running every 5 s, a renewal bounded by 2 s.
func within(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{beats: fake.NewHeartbeats(), marks: &marks{}, log: &log{}, ended: make(chan error, 1)}
		w.duty = duty.New(duty.Config{Interval: 5 * time.Second, Timeout: 2 * time.Second}, w.beats, w.marks, duty.Subject{
			Beat:  func() (heartbeat.Beat, bool) { return heartbeat.Beat{Card: card, Leader: w.leads.Load()}, true },
			Marks: func() (heartbeat.Marks, bool) { return heartbeat.Marks{Full: 7}, w.leads.Load() },
		}, w.log)
		if got := w.duty.State().Status; got != heartbeat.Resting {
			t.Errorf("before it runs it is %s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w.cancel = cancel
		go func() { w.ended <- w.duty.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-w.ended; !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			if got := w.duty.State().Status; got != heartbeat.Resting {
				t.Errorf("after its end it is %s", got)
			}
		}()
		test(t, w)
	})
}

// pass lets time pass until everybody waits again.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) age(t *testing.T) time.Duration {
	t.Helper()
	all, err := w.beats.List(t.Context(), []cluster.Member{{ID: card.MemberID, Name: card.Name}})
	if err != nil || len(all) != 1 || all[0].Card != card {
		t.Fatalf("the heartbeats are %+v, %v", all, err)
	}
	return all[0].Age
}

func TestItBeatsAtOnceAndAtEveryInterval(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		synctest.Wait()
		for range 5 {
			if age := w.age(t); age != 0 {
				t.Errorf("the heartbeat is %s old", age)
			}
			pass(4999 * time.Millisecond)
			if age := w.age(t); age != 4999*time.Millisecond {
				t.Errorf("the heartbeat is %s old before it is due", age)
			}
			pass(time.Millisecond)
		}
		if s := w.duty.State(); s.Status != heartbeat.Renewed || !s.RenewedAt.Equal(time.Now()) {
			t.Errorf("%+v", s)
		}
		if n := w.log.count(event.HeartbeatLost); n != 0 {
			t.Errorf("%d events of loss", n)
		}
	})
}

func TestItWaitsUntilTheMemberIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		beats := fake.NewHeartbeats()
		known := time.Now().Add(time.Minute)
		d := duty.New(duty.Config{Interval: 5 * time.Second, Timeout: time.Second}, beats, nil, duty.Subject{
			Beat: func() (heartbeat.Beat, bool) { return heartbeat.Beat{Card: card}, !time.Now().Before(known) },
		}, &log{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		go func() { _ = d.Run(ctx) }()
		pass(59 * time.Second)
		if all, _ := beats.List(ctx, nil); len(all) != 0 {
			t.Errorf("nobody is known, and beats: %+v", all)
		}
		pass(2 * time.Second)
		if all, _ := beats.List(ctx, nil); len(all) != 1 {
			t.Errorf("it does not beat")
		}
		cancel()
		synctest.Wait()
	})
}

func TestAFailureIsToldOnceAndTriedAgain(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		pass(time.Second)
		w.beats.Fail(fault.New(fault.Unavailable, "renew", "m0", "no quorum"))
		pass(20 * time.Second)
		if s := w.duty.State(); s.Status != heartbeat.Failing || s.Detail == "" || s.RenewedAt.IsZero() {
			t.Errorf("%+v", s)
		}
		if n := w.log.count(event.HeartbeatLost); n != 1 {
			t.Errorf("%d events of loss, want 1", n)
		}
		w.beats.Fail(nil)
		pass(5 * time.Second)
		if s := w.duty.State(); s.Status != heartbeat.Renewed {
			t.Errorf("%+v", s)
		}
		if n := w.log.count(event.HeartbeatBack); n != 1 {
			t.Errorf("%d events of return, want 1", n)
		}
	})
}

func TestASuspensionIsNoFailure(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		pass(time.Second)
		w.beats.Fail(&heartbeat.Suspension{Why: heartbeat.NoSpace})
		pass(10 * time.Second)
		if s := w.duty.State(); s.Status != heartbeat.Suspended || s.Detail != "NOSPACE" {
			t.Errorf("%+v", s)
		}
	})
}

func TestAHangingRenewalIsBounded(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		pass(time.Second)
		w.beats.Hang(true)
		pass(4*time.Second + 1900*time.Millisecond)
		if s := w.duty.State(); s.Status != heartbeat.Renewed {
			t.Errorf("before its timeout: %+v", s)
		}
		pass(200 * time.Millisecond)
		if s := w.duty.State(); s.Status != heartbeat.Failing {
			t.Errorf("after its timeout: %+v", s)
		}
		w.beats.Hang(false)
		pass(5 * time.Second)
		if s := w.duty.State(); s.Status != heartbeat.Renewed {
			t.Errorf("when it hangs no more: %+v", s)
		}
	})
}

func TestMarksAreTheLeadersAndTheirFailureStopsNothing(t *testing.T) {
	within(t, func(t *testing.T, w *world) {
		pass(6 * time.Second)
		if published := w.marks.all(); len(published) != 0 {
			t.Errorf("a follower published %+v", published)
		}
		w.marks.fail(errors.New("forbidden"))
		w.leads.Store(true)
		pass(10 * time.Second)
		if published := w.marks.all(); len(published) != 2 || published[0].Full != 7 {
			t.Errorf("published %+v", published)
		}
		if n := w.log.count(event.MarksFailed); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		if s := w.duty.State(); s.Status != heartbeat.Renewed {
			t.Errorf("%+v", s)
		}
	})
}

func TestSettingsThatAreWrong(t *testing.T) {
	if ps := (duty.Config{Interval: time.Millisecond, Timeout: time.Hour}).Validate(); len(ps) != 2 {
		t.Errorf("%v", ps)
	}
	if ps := (duty.Config{Interval: 5 * time.Second, Timeout: time.Second}).Validate(); len(ps) != 0 {
		t.Errorf("%v", ps)
	}
}
