// Package retention deletes from the bucket what the rule lets go.
package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Config says what stays, and how the rest goes.
type Config struct {
	Rule  rule.Rule
	Limit int                             // objects that one run deletes at most
	Next  func(after time.Time) time.Time // when the duty runs, the zero time for never; nil for never at all
	Retry schedule.Backoff                // between tries of a store that is away
}

// tries is how often a wave is tried that the store could not delete.
const tries = 3

// plansPerRun bounds how often a run plans again because the bucket changed.
const plansPerRun = 5

// Sure returns nil where this process may delete now: the leader's sidecar.
type Sure func(ctx context.Context) error

// Keeper carries out retention. Only one run goes on at a time; it is safe for
// concurrent use.
type Keeper struct {
	config  Config
	archive ports.Archive // that lists the bucket as it is
	keep    ports.ArchiveKeeper
	sure    Sure // may be nil: whoever calls Run answers for it
	observe ports.Observer

	running sync.Mutex // held by a run
	memory  memory     // guarded by running

	mu      sync.Mutex
	state   rule.State
	stopped string // the reason that was told last
}

// New returns a Keeper. The archive must not be one that remembers listings.
func New(c Config, archive ports.Archive, keep ports.ArchiveKeeper, sure Sure, o ports.Observer) *Keeper {
	return &Keeper{config: c, archive: archive, keep: keep, sure: sure, observe: o,
		memory: newMemory(), state: rule.State{Rule: c.Rule.String()}}
}

// State says how retention does.
func (k *Keeper) State() rule.State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// Off reports whether the policy is to delete nothing.
func (k *Keeper) Off() bool { return k.config.Rule.Policy.Way == rule.None }

// Progress is told how a run advances, never by two goroutines at once.
type Progress func(Step)

// Step is a moment of a run.
type Step struct {
	Phase   string // "list", "read back", "delete"
	Done    int    // objects
	Total   int
	Bytes   int64 // that were read back
	Deleted int64 // bytes that were deleted
}

// Plan returns what Run would delete and keep, without reading anything back.
func (k *Keeper) Plan(ctx context.Context) (rule.Report, error) {
	began := time.Now()
	c, err := k.archive.Catalogue(ctx)
	if err != nil {
		return rule.Report{}, err
	}
	facts, err := k.facts(ctx, c)
	if err != nil {
		return rule.Report{}, err
	}
	plan := rule.Make(c, k.config.Rule, facts, began)
	report := rule.Report{Plan: plan, Summary: rule.Summary{At: began, DryRun: true, Stopped: plan.Stopped}}
	report.Deleted, report.DeletedBytes = plan.Deleted()
	report.Keeps()
	deletions := plan.Sequence(k.config.Limit).Deletions()
	report.Left = report.Deleted - len(deletions)
	report.ReadBack = len(plan.Replacements(deletions))
	report.Took = time.Since(began)
	return report, nil
}

// Run deletes what the rule lets go and returns what it did, also with an error.
// It is Conflict while another run goes on. Objects that could not be deleted are
// in the report and no error, unless the store was away.
func (k *Keeper) Run(ctx context.Context, progress Progress) (rule.Report, error) {
	if !k.running.TryLock() {
		return rule.Report{}, fault.New(fault.Conflict, "tidy the bucket", "", "a run goes on already").WithRemedy("wait until it has ended")
	}
	defer k.running.Unlock()
	if progress == nil {
		progress = func(Step) {}
	}
	k.set(func(s *rule.State) { s.Running = true })
	r := &run{Keeper: k, progress: progress}
	r.report.At = time.Now()
	err := r.all(ctx)
	r.report.Took = time.Since(r.report.At)
	if err != nil {
		r.report.Error = fault.Brief(err)
	}
	summary := r.report.Summary
	k.set(func(s *rule.State) { s.Running, s.Last = false, &summary })
	k.tell(r.report, r.gone, err)
	return r.report, err
}

func (k *Keeper) set(f func(s *rule.State)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(&k.state)
}

// facts reads from the store what the rule needs to know beside the listing.
func (k *Keeper) facts(ctx context.Context, c timeline.Catalogue) (f rule.Facts, err error) {
	if f.LiveKeys, err = k.liveKeys(ctx, c); err != nil {
		return f, err
	}
	if f.Held, err = k.held(ctx, c); err != nil {
		return f, err
	}
	f.Notes = k.notes(ctx, c)
	return f, ctx.Err()
}

// maxNotes bounds how many notes a run reads; there may be any number of pins.
const maxNotes = 100

// notes reads what people wrote beside pins and marks. It decides nothing, so what
// cannot be read is left out.
func (k *Keeper) notes(ctx context.Context, c timeline.Catalogue) map[snapshot.Ref]string {
	out := map[snapshot.Ref]string{}
	read := 0
	for i := range c.Timelines {
		for _, ref := range slices.Concat(c.Timelines[i].Pins, c.Timelines[i].Marks) {
			if read++; read > maxNotes {
				return out
			}
			if note, err := k.keep.Noted(ctx, ref); err == nil && note.Note != "" {
				out[ref] = note.Note
			}
		}
	}
	return out
}

// Duty has run called by schedule until ctx ends; run is Run, or more than that. A
// run that fails is told of, and the next one tries again.
func (k *Keeper) Duty(ctx context.Context, run func(context.Context) (rule.Report, error)) error {
	defer k.set(func(s *rule.State) { s.Next = time.Time{} })
	for {
		var next time.Time
		if k.config.Next != nil && !k.Off() {
			next = k.config.Next(time.Now())
		}
		k.set(func(s *rule.State) { s.Next = next })
		if err := supervise.Until(ctx, next); err != nil {
			return err
		}
		if _, _ = run(ctx); ctx.Err() != nil { // what went wrong was told
			return ctx.Err()
		}
	}
}

// tell says what a run did, and why it stopped where that is new.
func (k *Keeper) tell(r rule.Report, gone []rule.Decision, err error) {
	now := time.Now()
	if r.Deleted > 0 {
		k.observe.Observe(event.Event{At: now, Kind: event.RetentionRan, Records: int64(r.Deleted), Bytes: r.DeletedBytes, Took: r.Took,
			Message: fmt.Sprintf("deleted %d objects: %s", r.Deleted, reasons(gone))})
	}
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		k.observe.Observe(event.Event{At: now, Kind: event.RetentionFailed, Level: event.Warn, Err: err, Records: int64(r.Left),
			Message: fmt.Sprintf("a run of retention ended early, with %d objects left to delete", r.Left)})
	case r.Failed > 0:
		k.observe.Observe(event.Event{At: now, Kind: event.RetentionFailed, Level: event.Warn, Err: r.Failure(), Records: int64(r.Failed),
			Message: fmt.Sprintf("%d objects could not be deleted; the next run tries again", r.Failed)})
	}
	k.mu.Lock()
	news := r.Stopped != "" && r.Stopped != k.stopped && !k.Off()
	k.stopped = r.Stopped
	k.mu.Unlock()
	if news {
		k.observe.Observe(event.Event{At: now, Kind: event.RetentionStopped, Level: event.Warn, Message: "nothing is deleted: " + r.Stopped})
	}
}
