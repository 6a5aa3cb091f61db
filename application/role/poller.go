// Package role finds out, again and again, what this sidecar is.
package role

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/ports"
)

// Config is how the role is polled.
type Config struct {
	Interval time.Duration `yaml:"interval"` // between two polls; at least 100 ms
	Timeout  time.Duration `yaml:"timeout"`  // of one status call; at least 100 ms
}

const shortest = 100 * time.Millisecond

// Validate returns what is wrong with the settings, keys relative to the
// owner's section.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"interval", c.Interval}, {"timeout", c.Timeout}} {
		if d.d < shortest || d.d > time.Minute {
			ps = append(ps, fault.Problem{Key: d.key, Value: d.d.String(), Detail: "is out of range",
				Remedy: fmt.Sprintf("between %s and %s", shortest, time.Minute)})
		}
	}
	return ps
}

// Poller polls the own member. Its methods are safe for concurrent use; Run is
// called once.
type Poller struct {
	config  Config
	member  ports.Member
	others  Others
	observe ports.Observer
	wanted  chan struct{} // asks Run for the member list

	mu       sync.Mutex
	role     rolerule.Role
	since    time.Time
	reason   string
	known    rolerule.Identity
	status   cluster.Status
	seenAt   time.Time
	lastErr  error
	ledTerm  uint64
	ledAt    time.Time
	notes    notes
	members  []cluster.Member // as last listed; never changed in place
	listedAt time.Time
	sight    rolerule.Sight
	polledAt time.Time     // when the newest poll was sent whose outcome is in force
	polled   chan struct{} // closed when the next one is
}

// NewPoller returns a Poller that has not asked yet.
func NewPoller(c Config, m ports.Member, others Others, o ports.Observer) *Poller {
	return &Poller{config: c, member: m, others: others, observe: o, wanted: make(chan struct{}, 1),
		role: rolerule.Follower, polled: make(chan struct{}), notes: notes{held: map[string]rolerule.Maintenance{}}}
}

// Run polls until ctx ends and gives every change of role to enter, which
// starts and stops duties and returns when that is done. The first call of
// enter is for the state that every sidecar starts in.
func (p *Poller) Run(ctx context.Context, enter func(rolerule.Transition)) error {
	p.enter(rolerule.Initial(), enter)
	ticker := time.NewTicker(p.config.Interval)
	defer ticker.Stop()
	due := time.Now().Add(p.config.Interval)
	for {
		sent := time.Now()
		seen := p.poll(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if t := rolerule.Next(p.Now().Role, seen); t.Changed() {
			p.enter(t, enter)
		} else {
			p.note(t.Reason)
		}
		p.inForce(seen.Sight, sent)
		if _, at := p.listed(); seen.Sight == rolerule.Leading && time.Since(at) >= listLasts {
			p.wantList()
		}
		tick, err := p.rest(ctx, ticker.C, due)
		if err != nil {
			return err
		}
		due = tick.Add(p.config.Interval)
	}
}

// rest waits for the next poll, which is due then, and meanwhile has the member
// list if that is wanted.
func (p *Poller) rest(ctx context.Context, tick <-chan time.Time, due time.Time) (time.Time, error) {
	for {
		select {
		case now := <-tick:
			return now, nil
		case <-p.wanted:
			p.list(ctx, min(p.config.Timeout, time.Until(due)))
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// poll asks the own member once, and the others if a leader's own member is
// busy: only there can their answer change the role.
func (p *Poller) poll(ctx context.Context) rolerule.Observation {
	sent := time.Now()
	call, cancel := context.WithTimeout(ctx, p.config.Timeout)
	s, err := p.member.Status(call)
	cancel()
	now := time.Now()
	poll := rolerule.Poll{Status: s, Err: err, TimedOut: errors.Is(err, context.DeadlineExceeded)}
	p.mu.Lock()
	announced, known, leads := p.notes.during(sent, now), p.known, p.role == rolerule.Leader
	p.mu.Unlock()
	seen := rolerule.Observe(poll, known, announced, now)
	if seen.Sight == rolerule.Busy && leads {
		poll.Elsewhere = p.elsewhere(ctx, known)
		seen = rolerule.Observe(poll, known, announced, now)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastErr = err
	switch {
	case err == nil && seen.Sight != rolerule.Failed:
		p.status, p.seenAt = s, now
		p.known = rolerule.Identity{ClusterID: s.ClusterID, MemberID: s.MemberID}
		if seen.Sight == rolerule.Leading {
			p.ledTerm, p.ledAt = s.RaftTerm, sent
		}
	case poll.Elsewhere != nil && poll.Elsewhere.Leader == known.MemberID:
		p.ledTerm, p.ledAt = poll.Elsewhere.RaftTerm, now // right after which the others were asked
	}
	return seen
}

func (p *Poller) enter(t rolerule.Transition, enter func(rolerule.Transition)) {
	now := time.Now()
	p.mu.Lock()
	p.role, p.since, p.reason = t.To, now, t.Reason
	p.mu.Unlock()
	level := event.Info
	if t.To == rolerule.Unknown {
		level = event.Warn
	}
	p.observe.Observe(event.Event{At: now, Kind: event.RoleChanged, Level: level, Message: fmt.Sprintf("%s: %s", t.To, t.Reason)})
	enter(t)
}

func (p *Poller) note(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reason = reason
}

// inForce notes that the role is what a poll made of it.
func (p *Poller) inForce(seen rolerule.Sight, sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sight, p.polledAt = seen, sent
	close(p.polled)
	p.polled = make(chan struct{})
}

// Sure waits until the role is by a poll that was sent an interval and a timeout
// ago at most. A process that was stopped and goes on would else act on a role
// that it lost meanwhile. It returns ctx's error if that ends before.
func (p *Poller) Sure(ctx context.Context) error {
	for {
		p.mu.Lock()
		fresh, next := time.Since(p.polledAt) <= p.config.Interval+p.config.Timeout, p.polled
		p.mu.Unlock()
		if fresh {
			return ctx.Err()
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stuckAfter is how long after a poll was due it is taken for stuck. No call of
// it takes that long.
const stuckAfter = 30 * time.Second

// Alive returns nil while the member is polled as it should be.
func (p *Poller) Alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.polledAt.IsZero() {
		return nil // it only just began
	}
	if since := time.Since(p.polledAt); since > p.config.Interval+2*p.config.Timeout+stuckAfter {
		return fault.New(fault.Internal, "poll", "own member", fmt.Sprintf("the last poll was %s ago", since.Round(time.Second)))
	}
	return nil
}

// Seen is what the poller knows.
type Seen struct {
	Role   rolerule.Role
	Since  time.Time // when the role was taken
	Reason string    // of the last poll
	Sight  rolerule.Sight
	Status cluster.Status
	At     time.Time // of Status; zero if the member never answered
	Err    error     // of the last poll
}

// Now returns what is known now.
func (p *Poller) Now() Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Seen{Role: p.role, Since: p.since, Reason: p.reason, Sight: p.sight, Status: p.status, At: p.seenAt, Err: p.lastErr}
}

// LedAt returns when the newest status call was sent whose answer said that the
// own member leads, and the raft term in that answer. While a leader's own
// member is busy, answers of others count. Zero if there was none.
func (p *Poller) LedAt() (term uint64, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledTerm, p.ledAt
}
