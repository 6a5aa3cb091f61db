package drill

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
	rule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Config is how the duty behaves.
type Config struct {
	// Next returns when to drill after a moment, the zero time for never; nil for
	// never at all.
	Next  func(after time.Time) time.Time
	Retry schedule.Backoff // between tries of a store that is away
}

// Somewhere carries out a drill, here or elsewhere, and says where. It does not ask
// the follower named besides, "" for any.
type Somewhere interface {
	Run(ctx context.Context, t rule.Task, besides string) (out rule.Outcome, where string, err error)
}

// Backup is told that its timeline failed a proof: it begins another.
type Backup interface {
	Doubt(epoch int)
}

// Ledger keeps what is known of proofs.
type Ledger interface {
	Standing() proof.Standing
	// Verified takes over what was verified just now.
	Verified(p proof.Point)
}

// Sign says who drills; it waits until the sidecar is sure that it leads.
type Sign func(ctx context.Context) (snapshot.Writer, error)

// Duty drills by schedule and on demand while the own member leads, and writes down
// what came of it. One goes on at a time. Ask is safe for concurrent use; one Run runs
// at a time.
type Duty struct {
	config  Config
	archive ports.Archive
	writer  ports.ArchiveWriter
	keeper  ports.ArchiveKeeper
	place   Somewhere
	backup  Backup
	ledger  Ledger
	sign    Sign
	observe ports.Observer

	asked chan job // has room for the one that is claimed

	mu      sync.Mutex
	serving bool  // the duty runs
	claimed claim // of the drill that goes on
}

// NewDuty returns a Duty.
func NewDuty(c Config, a ports.Archive, w ports.ArchiveWriter, k ports.ArchiveKeeper, place Somewhere, b Backup, l Ledger, sign Sign, o ports.Observer) *Duty {
	return &Duty{config: c, archive: a, writer: w, keeper: k, place: place, backup: b, ledger: l, sign: sign, observe: o, asked: make(chan job, 1)}
}

// Run implements the duty. It returns the context's error.
func (d *Duty) Run(ctx context.Context) error {
	d.serve(true)
	defer d.serve(false)
	next := d.next()
	for {
		due := supervise.Timer(next)
		select {
		case j := <-d.asked:
			// One that came to nothing does not stand for the one that was due meanwhile.
			if d.answer(ctx, j) {
				next = d.next()
			}
		case <-due.C:
			d.scheduled(ctx)
			next = d.next()
		case <-ctx.Done():
		}
		if due.Stop(); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// next returns when a drill is next due, the zero time for never.
func (d *Duty) next() time.Time {
	if d.config.Next == nil {
		return time.Time{}
	}
	return d.config.Next(time.Now())
}

func (d *Duty) scheduled(ctx context.Context) {
	if d.claim("the schedule says so", nil) != nil {
		return // one was asked for at the same moment; if it comes to nothing, the next is due tomorrow
	}
	defer d.free()
	if _, err := d.Drill(ctx); err != nil && ctx.Err() == nil {
		d.failed(err, levelOf(err), "the drill could not be carried out; it is tried again when it is next due")
	}
}

func (d *Duty) failed(err error, level event.Level, message string) {
	d.observe.Observe(event.Event{At: time.Now(), Kind: event.DrillFailed, Level: level, Err: err, Message: message})
}

// levelOf tells what damages the backup from what only kept it from being looked at.
func levelOf(err error) event.Level {
	switch fault.KindOf(err) {
	case fault.Corrupt, fault.Diverged, fault.NotFound:
		return event.Error
	}
	return event.Warn
}

// Drill rebuilds what was stored since the newest verified revision, one stretch after
// another, and the newest restorable revision last, and writes down what that showed. A
// history that is not what the cluster had is rebuilt a second time, by another
// sidecar or at last this one, before it is believed; then its timeline is marked, and
// the backup begins another. That is no error.
func (d *Duty) Drill(ctx context.Context) (rule.Report, error) { return d.drill(ctx, ctx) }

// drill is Drill for somebody who may lose interest, which ends asker: what is found
// by then is followed to its end for as long as the own member leads, which ends ctx.
func (d *Duty) drill(ctx, asker context.Context) (rule.Report, error) {
	if differ := d.ledger.Standing().Differ; differ != nil {
		return rule.Report{}, fault.New(fault.Unavailable, "drill", "", "the members of etcd disagree, so nothing can be proven: "+differ.Detail)
	}
	var around []string // in all stretches
	for done := (rule.Task{}); ; {
		c, err := d.archive.Catalogue(asker)
		if err != nil {
			return rule.Report{}, err
		}
		task, last, none := rule.Pick(&c, done)
		if none != "" {
			return rule.Report{}, fault.New(fault.Unavailable, "drill", "", none)
		}
		r, err := d.stretch(ctx, asker, task)
		if kind := fault.KindOf(err); !last && (kind == fault.Corrupt || kind == fault.NotFound) {
			// What is damaged here says nothing of what is newer.
			d.failed(err, event.Error, fmt.Sprintf("what leads from the full of revision %d to revision %d cannot be rebuilt; the drill goes on behind it", task.From, task.Revision))
			around, done = append(around, err.Error()), task
			continue
		}
		around = append(around, r.Around...)
		if err != nil || r.Differs != nil || last {
			r.Around = slices.Compact(around)
			return r, err
		}
		done = task
	}
}

// stretch has one stretch rebuilt and writes down what that showed.
func (d *Duty) stretch(ctx, asker context.Context, task rule.Task) (rule.Report, error) {
	d.observe.Observe(event.Event{At: time.Now(), Kind: event.DrillStarted, Epoch: task.Epoch, Revision: task.Revision,
		Message: fmt.Sprintf("drill: revision %d of timeline %d is rebuilt from the full of revision %d and compared: %s", task.Revision, task.Epoch, task.From, d.trigger())})
	out, where, err := d.rebuilt(ctx, asker, task, "")
	if err != nil {
		return rule.Report{}, err
	}
	if out.Differs == nil {
		r := rule.Report{Outcome: out, Where: where}
		return r, d.confirm(ctx, r)
	}
	// Said before it is looked at again: the lead may be lost meanwhile.
	d.failed(proof.Check(*out.Differs, out.Computed), event.Error, fmt.Sprintf("%s (on %s); another sidecar looks before it is believed", out, where))
	again, elsewhere, err := d.rebuilt(ctx, ctx, task, where)
	if err != nil {
		return rule.Report{}, fault.Wrap(fault.Diverged, "drill", where, fmt.Errorf("%s; that could not be confirmed elsewhere, and is not believed before: %w", out, err))
	}
	if !again.Confirms(out) {
		return rule.Report{}, fault.New(fault.Diverged, "drill", where,
			fmt.Sprintf("rebuilt twice, it was another history each time: %s (on %s); %s (on %s)", out, where, again, elsewhere)).
			WithRemedy("ask for a drill again; if that is so again, look at the memory and the disk of these machines")
	}
	again = again.With(out)
	r := rule.Report{Outcome: again, Where: elsewhere}
	r.Good, err = d.doubt(ctx, again)
	return r, err
}

// rebuilt is what somebody makes of a task. What it was compared with has to be in
// the store: one sidecar's word alone neither verifies a timeline nor ends it. When
// asker ends, so does the rebuilding; what came of it is looked at all the same.
func (d *Duty) rebuilt(ctx, asker context.Context, task rule.Task, besides string) (rule.Outcome, string, error) {
	out, where, err := d.place.Run(asker, task, besides)
	if err != nil {
		return out, where, err
	}
	for _, object := range out.Around {
		d.failed(fault.New(fault.Corrupt, "drill", "", object), event.Error, "an object cannot be used, and the drill went around it")
	}
	c, err := d.archive.Catalogue(ctx)
	if err != nil {
		return out, where, err
	}
	if !out.Sound() {
		return out, where, fault.New(fault.Unavailable, "drill", where, "it says that a newer proof agrees than one that differs").
			WithRemedy("look at the sidecar there; the drill is repeated when it is next due")
	}
	h := c.Find(task.Epoch)
	for _, claim := range []*proof.Recorded{out.Proof, out.Differs} {
		if claim == nil {
			continue
		}
		if *claim, err = d.stored(ctx, h, *claim, where); err != nil {
			return out, where, err
		}
	}
	return out, where, nil
}

// stored returns a proof as the store has it; it refuses one that is not the
// timeline's.
func (d *Duty) stored(ctx context.Context, h *timeline.History, claim proof.Recorded, where string) (proof.Recorded, error) {
	for i := 0; h != nil && i < len(h.Proofs); i++ {
		if h.Proofs[i].Last != claim.Revision {
			continue
		}
		p, err := d.archive.Proof(ctx, h.Proofs[i])
		if err == nil && p.Hash == claim.Hash {
			return p, nil
		}
		if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Corrupt {
			return claim, err
		}
	}
	return claim, fault.New(fault.Unavailable, "drill", where, fmt.Sprintf("it says that it compared with %s, which is not in the store", claim.Hash)).
		WithRemedy("look at the sidecar there; the drill is repeated when it is next due")
}

// confirm writes down what a history was compared with.
func (d *Duty) confirm(ctx context.Context, out rule.Report) error {
	if out.Proof != nil {
		w, err := d.sign(ctx)
		if err != nil {
			return err
		}
		v := proof.Verified{Recorded: *out.Proof, Timeline: out.Epoch, From: out.From, Restored: out.Revision, Base: out.Base, Deltas: out.Deltas, Records: out.Records,
			TookSeconds: out.Took.Seconds(), Where: out.Where, By: w.Member, VerifiedAt: time.Now().UTC().Truncate(time.Millisecond)}
		if err := d.writer.StoreVerified(ctx, v); err != nil {
			return err
		}
		d.ledger.Verified(proof.Point{Epoch: out.Epoch, Revision: v.Revision, At: v.VerifiedAt, Took: out.Took})
	}
	d.observe.Observe(event.Event{At: time.Now(), Kind: event.DrillPassed, Epoch: out.Epoch, Revision: out.Revision, Records: out.Records, Took: out.Took,
		Message: out.String()})
	return nil
}

// doubt ends a timeline: the mark first, which outlives this sidecar, then the
// backup. A store that is away is tried again for as long as the sidecar leads. It
// returns up to which revision the timeline is good.
func (d *Duty) doubt(ctx context.Context, out rule.Outcome) (good int64, err error) {
	for failures := 1; ; failures++ {
		var tryErr error
		if good, tryErr = d.mark(ctx, out); tryErr == nil {
			break
		}
		d.observe.Observe(event.Event{At: time.Now(), Kind: event.DrillFailed, Level: event.Error, Epoch: out.Epoch, Err: tryErr,
			Message: fmt.Sprintf("%s; its timeline could not be marked as suspect, which is tried again", out)})
		if waitErr := supervise.Until(ctx, time.Now().Add(d.config.Retry.After(failures))); waitErr != nil {
			return 0, waitErr
		}
	}
	d.observe.Observe(event.Event{At: time.Now(), Kind: event.TimelineSuspect, Level: event.Error, Epoch: out.Epoch, Revision: good, Took: out.Took, Err: proof.Check(*out.Differs, out.Computed),
		Message: fmt.Sprintf("what timeline %d holds above revision %d is not what the cluster had; it is marked as suspect and a new timeline begins", out.Epoch, good)})
	d.backup.Doubt(out.Epoch)
	return good, nil
}

func (d *Duty) mark(ctx context.Context, out rule.Outcome) (good int64, err error) {
	w, err := d.sign(ctx)
	if err != nil {
		return 0, err
	}
	c, err := d.archive.Catalogue(ctx)
	if err != nil {
		return 0, err
	}
	h := c.Find(out.Epoch)
	if h == nil {
		h = &timeline.History{}
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	good = out.Good(h)
	ref := snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: out.Epoch, Last: good, At: now}
	return good, d.keeper.Note(ctx, ref, snapshot.Note{Note: out.String(), At: now, Version: w.Version})
}
