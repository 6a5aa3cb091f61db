// Package defrag carries out the defragmentation of the members: it plans, does
// one member, waits until the cluster is well again, and plans anew.
package defrag

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/ports"
)

// Config is how the duty behaves.
type Config struct {
	Next   func(after time.Time) time.Time // the schedule; nil for none
	Window schedule.Window                 // of runs by schedule
	Wanted rule.Wanted
	Lead   rule.Lead
	Single bool // a cluster of a single voter may be defragmented
	// Stale lets a run begin while the backup does not meet its objective.
	Stale bool
	// Settle bounds how long the cluster may take to be well again after a member.
	Settle time.Duration
	// NoSpace acts on etcd's NOSPACE alarm, and disarms it when every member uses
	// less than Below of its quota, in per cent. Quota is every member's where its
	// version does not say it, in bytes.
	NoSpace bool
	Below   int
	Quota   int64
}

// Fulls is what the taker of fulls tells.
type Fulls interface {
	// Candidates asks all members for their status at once.
	Candidates(ctx context.Context) ([]cluster.Candidate, error)
	// Streaming returns the member that a full is being read from, 0 for none.
	Streaming() cluster.ID
}

// Tell reaches other sidecars.
type Tell interface {
	// Busy announces that a member will not answer; the func ends that.
	Busy(ctx context.Context, member cluster.ID, reason string, until time.Time) (done func())
	// TakeOver tells the sidecar of a member that was given the lead what is left.
	TakeOver(ctx context.Context, member cluster.ID, h rule.Handover) error
}

// Own is what this sidecar knows.
type Own struct {
	Status func() cluster.Status // of the own member, as it last answered
	// Backup says why the backup is not what it should be; empty if it is.
	Backup func() string
	// Store stores everything the cluster has by now.
	Store func(ctx context.Context) error
}

// Defrag is the duty. Plan, Overview, Start and TakeOver are safe for concurrent
// use; one Run runs at a time.
type Defrag struct {
	config  Config
	cluster ports.Cluster
	etcd    ports.Defragmenter
	fulls   Fulls
	tell    Tell
	own     Own
	observe ports.Observer

	asked  chan job      // has room for the one that is claimed
	handed chan struct{} // a handover arrived; has room for one
	leave  chan struct{} // closed when the process ends

	mu       sync.Mutex
	serving  bool // the duty runs
	running  bool // a run is claimed
	left     bool // leave is closed
	runs     []rule.Run
	history  rule.History
	next     time.Time // of the schedule; zero: to be worked out
	handover rule.Handover
	handedAt time.Time
	noSpace  rule.NoSpaceTry
}

// New returns the duty.
func New(c Config, cl ports.Cluster, e ports.Defragmenter, f Fulls, t Tell, own Own, o ports.Observer) *Defrag {
	return &Defrag{config: c, cluster: cl, etcd: e, fulls: f, tell: t, own: own, observe: o,
		asked: make(chan job, 1), handed: make(chan struct{}, 1), leave: make(chan struct{}), history: rule.History{}}
}

// mostRuns is how many runs are remembered.
const mostRuns = 10

// remember keeps a run of another sidecar once, behind one that is under way here.
// The caller holds the lock.
func (d *Defrag) remember(run rule.Run) {
	if slices.ContainsFunc(d.runs, func(r rule.Run) bool { return r.ID == run.ID }) {
		return
	}
	at := 0
	if d.running {
		at = 1
	}
	runs := slices.Insert(slices.Clone(d.runs), at, run)
	d.runs = runs[:min(len(runs), mostRuns)]
}

// Overview returns what this process did, what was handed over to it, and what is
// due, at once.
func (d *Defrag) Overview() rule.Overview {
	next := d.due(time.Now())
	d.mu.Lock()
	defer d.mu.Unlock()
	return rule.Overview{Runs: slices.Clone(d.runs), Next: next, Window: d.config.Window.String()}
}

// due returns the next tick of the schedule within the window.
func (d *Defrag) due(now time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.config.Next != nil && !d.next.After(now) {
		d.next = d.config.Window.Within(d.config.Next, now)
	}
	return d.next
}

// Plan says what a run would do now, and does nothing. It is Unavailable where
// the member list cannot be had.
func (d *Defrag) Plan(ctx context.Context, scope rule.Scope) (rule.Run, error) {
	members, err := d.fulls.Candidates(ctx)
	if err != nil {
		return rule.Run{}, err
	}
	plan := rule.Make(d.state(members, scope, nil))
	now := time.Now()
	run := rule.Run{Trigger: "dry run", Outcome: rule.Planned, Began: now, Ended: now, Reason: plan.Refused}.Follow(plan)
	if plan.Refused != "" {
		run.Outcome = rule.Refused
	}
	return run, nil
}

func (d *Defrag) state(members []cluster.Candidate, scope rule.Scope, done map[cluster.ID]string) rule.State {
	s := rule.State{Members: members, Own: d.own.Status().MemberID, Streaming: d.fulls.Streaming(), Done: done, Lag: lag,
		Wanted: d.config.Wanted, Single: d.config.Single, Scope: scope, Lead: d.config.Lead, History: d.past()}
	if !d.config.Stale {
		s.Backup = d.own.Backup()
	}
	return s
}

// lag is how many entries of the raft log a member may lack: what a loaded
// cluster writes between two questions.
const lag = 5000

func (d *Defrag) past() rule.History {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := rule.History{}
	for id, p := range d.history {
		out[id] = p
	}
	return out
}

func (d *Defrag) learn(id cluster.ID, p rule.Past) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.history[id] = p
}

// claim begins a run, if none is under way. With a scope the duty is handed it;
// without, the duty itself is the caller.
func (d *Defrag) claim(trigger, continues string, asked *rule.Scope) (rule.Run, error) {
	const op = "defragment"
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case !d.serving:
		return rule.Run{}, fault.New(fault.Unavailable, op, "", "this sidecar does not lead").
			WithRemedy("ask the sidecar beside the etcd leader")
	case d.left:
		return rule.Run{}, fault.New(fault.Unavailable, op, "", "this sidecar is about to end")
	case d.running:
		return rule.Run{}, fault.New(fault.Conflict, op, "", "a run is under way: "+d.runs[0].ID).
			WithRemedy("wait until it has ended")
	}
	now := time.Now()
	run := rule.Run{ID: newID(now), Continues: continues, Trigger: trigger, Outcome: rule.Running, Began: now}
	d.running = true
	d.runs = append([]rule.Run{run}, d.runs[:min(len(d.runs), mostRuns-1)]...)
	if asked != nil {
		d.asked <- job{run: run, scope: *asked} // it has room: only one run is claimed
	}
	return run, nil
}

// publish shows how far the run is that is under way.
func (d *Defrag) publish(run rule.Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.runs = slices.Clone(d.runs)
	d.runs[0] = run
	d.running = !run.Outcome.Ended()
}

// newID is a run's: readable, and another one in each sidecar.
func newID(now time.Time) string {
	random := make([]byte, 3)
	_, _ = rand.Read(random) // it never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random)
}
