// Package supervise owns every goroutine of the sidecar that outlives a call:
// the role poll, the duties of the current role and the look at the store. When
// Run returns, all have ended.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/event"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/ports"
)

// Duty is something a role obliges to, as a function that works until its
// context ends.
type Duty struct {
	Name rolerule.Duty
	Run  func(ctx context.Context) error
	// Finish, if not nil, is called on a graceful shutdown while the duty still
	// runs; its context bounds it.
	Finish func(ctx context.Context) error
}

// Poller is what the supervisor needs of the role poll.
type Poller interface {
	Run(ctx context.Context, enter func(rolerule.Transition)) error
}

// Service is something that runs in every role: the HTTP server, the look at
// the store.
type Service struct {
	Name string
	Run  func(ctx context.Context) error
}

// Supervisor runs the sidecar. Duties that no Duty was given for are obligations
// that this build cannot fulfil; they are left out.
type Supervisor struct {
	poller   Poller
	duties   map[rolerule.Duty]Duty
	services []Service
	grace    time.Duration
	observe  ports.Observer

	mu      sync.Mutex
	running map[rolerule.Duty]*running
	ending  map[rolerule.Duty]*running // told to stop, and perhaps not ended yet
	started bool
	ended   bool
}

type running struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
}

// New returns a Supervisor. grace bounds what duties may do to finish on a
// graceful shutdown.
func New(p Poller, duties []Duty, services []Service, grace time.Duration, o ports.Observer) *Supervisor {
	s := &Supervisor{poller: p, duties: map[rolerule.Duty]Duty{}, services: services, grace: grace, observe: o,
		running: map[rolerule.Duty]*running{}, ending: map[rolerule.Duty]*running{}}
	for _, d := range duties {
		s.duties[d.Name] = d
	}
	return s
}

// Run runs until ctx ends or a service fails, and returns when everything it
// started has ended: nil after ctx's end, else the service's error.
func (s *Supervisor) Run(ctx context.Context) error {
	// Duties end in order on shutdown, after they were let finish; so their
	// context is not the caller's.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.set(func() { s.started = true })
	g, gctx := errgroup.WithContext(ctx)
	for _, svc := range s.services {
		g.Go(func() error {
			if err := svc.Run(gctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", svc.Name, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		err := s.poller.Run(gctx, func(t rolerule.Transition) { s.enter(work, t) })
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("role poll: %w", err)
		}
		return nil
	})
	<-gctx.Done()
	s.finish(work)
	err := g.Wait()
	s.stopAll()
	s.set(func() { s.ended = true })
	return err
}

// stopPatience is how long a transition waits for a duty that it stops. The role
// poll must go on whatever a duty hangs in; one that starts again does so when it
// has ended.
const stopPatience = 500 * time.Millisecond

// enter stops and starts duties as a transition says, one after the other.
func (s *Supervisor) enter(ctx context.Context, t rolerule.Transition) {
	for _, d := range t.Stop {
		s.stop(d)
	}
	for _, d := range t.Start {
		s.start(ctx, d, t.Reason)
	}
}

func (s *Supervisor) start(ctx context.Context, name rolerule.Duty, reason string) {
	d, ok := s.duties[name]
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[name] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	r, before := &running{cancel: cancel, done: make(chan struct{})}, s.ending[name]
	s.running[name] = r
	go func() {
		defer close(r.done)
		if before != nil {
			<-before.done // never two at once
		}
		s.observe.Observe(event.Event{At: time.Now(), Kind: event.DutyStarted, Message: fmt.Sprintf("%s starts: %s", name, reason)})
		s.work(ctx, d)
		s.observe.Observe(event.Event{At: time.Now(), Kind: event.DutyStopped, Message: fmt.Sprintf("%s stopped", name)})
	}()
}

// work runs a duty again whenever it ends with an error before its time: a duty
// that gives up would leave its obligation to nobody.
func (s *Supervisor) work(ctx context.Context, d Duty) {
	const again = 5 * time.Second
	for {
		err := d.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		s.observe.Observe(event.Event{At: time.Now(), Kind: event.DutyFailed, Level: event.Error, Err: err,
			Message: fmt.Sprintf("%s ended before its time; it starts again in %s", d.Name, again)})
		timer := time.NewTimer(again)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// stop tells a duty to end, and waits a moment until it has.
func (s *Supervisor) stop(name rolerule.Duty) {
	s.mu.Lock()
	r := s.running[name]
	if r != nil {
		delete(s.running, name)
		s.ending[name] = r
		r.cancel()
	}
	s.mu.Unlock()
	if r == nil {
		return
	}
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
		s.observe.Observe(event.Event{At: time.Now(), Kind: event.DutyFailed, Level: event.Warn,
			Message: fmt.Sprintf("%s was told to stop and has not yet", name)})
	}
}

// finish lets running duties finish, within the grace.
func (s *Supervisor) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	for _, name := range s.Duties() {
		d := s.duties[name]
		if d.Finish == nil {
			continue
		}
		if err := d.Finish(ctx); err != nil {
			s.observe.Observe(event.Event{At: time.Now(), Kind: event.DutyFailed, Level: event.Warn, Err: err,
				Message: fmt.Sprintf("%s could not finish within %s; what it held is still in etcd", name, s.grace)})
		}
	}
}

// stopAll ends every duty, in reverse order of starting, and returns when all
// have ended.
func (s *Supervisor) stopAll() {
	names := rolerule.Leader.Duties()
	for i := len(names) - 1; i >= 0; i-- {
		s.stop(names[i])
		s.mu.Lock()
		r := s.ending[names[i]]
		s.mu.Unlock()
		if r != nil {
			<-r.done
		}
	}
}

// Duties returns what runs now, in the order of starting.
func (s *Supervisor) Duties() []rolerule.Duty {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []rolerule.Duty
	for _, d := range rolerule.Leader.Duties() {
		if s.running[d] != nil {
			out = append(out, d)
		}
	}
	return out
}

// Live returns nil while the supervisor runs, for the liveness probe.
func (s *Supervisor) Live() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.started:
		return errors.New("the supervisor has not started")
	case s.ended:
		return errors.New("the supervisor has ended")
	}
	return nil
}

func (s *Supervisor) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
