// Package heartbeat is the duty of every sidecar whose role is known: to show the
// others that its member is well, and, as the leader, how far the backup is.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

// Config is how the duty behaves.
type Config struct {
	Interval time.Duration `yaml:"interval"` // between two renewals; 500 ms to 1 minute
	Timeout  time.Duration `yaml:"timeout"`  // of one renewal; 100 ms to 1 minute
}

// Validate returns what is wrong with the settings, keys relative to the
// owner's section.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	for _, d := range []struct {
		key      string
		d, least time.Duration
	}{{"interval", c.Interval, 500 * time.Millisecond}, {"timeout", c.Timeout, 100 * time.Millisecond}} {
		if d.d < d.least || d.d > time.Minute {
			ps = append(ps, fault.Problem{Key: d.key, Value: d.d.String(), Detail: "is out of range",
				Remedy: fmt.Sprintf("between %s and %s", d.least, time.Minute)})
		}
	}
	return ps
}

// Subject is what the duty tells of.
type Subject struct {
	// Beat returns what the next renewal says; false while the member was not
	// asked yet who it is.
	Beat func() (heartbeat.Beat, bool)
	// Marks returns how far the backup is; false where this sidecar does not lead.
	Marks func() (heartbeat.Marks, bool)
}

// Duty renews the own heartbeat. Run is called once at a time; State is safe for
// concurrent use.
type Duty struct {
	config  Config
	beats   ports.Heartbeats
	marks   ports.BackupMarks // nil where nobody watches them
	subject Subject
	observe ports.Observer

	mu     sync.Mutex
	state  heartbeat.State
	marked error // why the marks could not be published, the last time
}

// New returns the duty. marks may be nil.
func New(c Config, beats ports.Heartbeats, marks ports.BackupMarks, s Subject, o ports.Observer) *Duty {
	return &Duty{config: c, beats: beats, marks: marks, subject: s, observe: o, state: heartbeat.State{Status: heartbeat.Resting}}
}

// State returns how the own heartbeat is.
func (d *Duty) State() heartbeat.State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// unknownPause is how long the duty waits to be told who its member is.
const unknownPause = 100 * time.Millisecond

// Run renews the heartbeat at once and then again and again until ctx ends. A
// renewal that fails is told once and tried again at the next interval: nothing
// else depends on it. It returns ctx's error.
func (d *Duty) Run(ctx context.Context) error {
	defer d.rest()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		next := unknownPause
		began := time.Now()
		if beat, known := d.subject.Beat(); known {
			d.renew(ctx, beat)
			d.publish(ctx)
			next = max(0, d.config.Interval-time.Since(began))
		}
		timer.Reset(next)
	}
}

func (d *Duty) renew(ctx context.Context, beat heartbeat.Beat) {
	call, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	err := d.beats.Renew(call, beat)
	if ctx.Err() != nil {
		return // the duty ends; the renewal was not refused
	}
	d.note(err, time.Now())
}

// note takes the outcome of a renewal over, and tells of it if it is news.
func (d *Duty) note(err error, now time.Time) {
	var suspended *heartbeat.Suspension
	next := heartbeat.State{Status: heartbeat.Renewed, RenewedAt: now}
	d.mu.Lock()
	before := d.state
	switch {
	case errors.As(err, &suspended):
		next = heartbeat.State{Status: heartbeat.Suspended, Detail: suspended.Why, RenewedAt: before.RenewedAt}
	case err != nil:
		next = heartbeat.State{Status: heartbeat.Failing, Detail: err.Error(), RenewedAt: before.RenewedAt}
	}
	d.state = next
	d.mu.Unlock()
	switch {
	case err != nil && before.Status != next.Status:
		d.observe.Observe(event.Event{At: now, Kind: event.HeartbeatLost, Level: event.Warn, Err: err,
			Message: "the heartbeat is " + string(next.Status) + "; backups go on"})
	case err == nil && (before.Status == heartbeat.Failing || before.Status == heartbeat.Suspended):
		d.observe.Observe(event.Event{At: now, Kind: event.HeartbeatBack, Message: "the heartbeat is renewed again"})
	}
}

// publish tells whoever watches how far the backup is.
func (d *Duty) publish(ctx context.Context) {
	if d.marks == nil {
		return
	}
	marks, leads := d.subject.Marks()
	if !leads || ctx.Err() != nil {
		return
	}
	call, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	err := d.marks.Publish(call, marks)
	if ctx.Err() != nil {
		return
	}
	if err != nil && d.marked == nil {
		d.observe.Observe(event.Event{At: time.Now(), Kind: event.MarksFailed, Level: event.Warn, Err: err,
			Message: "how far the backup is could not be published; backups go on"})
	}
	d.marked = err
}

// rest notes that no heartbeat is due any more.
func (d *Duty) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = heartbeat.State{Status: heartbeat.Resting, RenewedAt: d.state.RenewedAt}
}

// TurnedOff is the state of a sidecar whose heartbeats are turned off.
func TurnedOff() heartbeat.State { return heartbeat.State{Status: heartbeat.Off} }
