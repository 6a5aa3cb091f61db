package drill

import (
	"context"
	"fmt"
	"time"

	rule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// job is a drill that somebody asked for.
type job struct {
	asker context.Context // of whoever waits; it is theirs, not the duty's
	reply chan<- answer   // has room for one
}

type answer struct {
	report rule.Report
	err    error
}

// claim is the drill that goes on, or is about to; the zero value is none.
type claim struct {
	since   time.Time
	trigger string
}

// Ask has the running duty drill now and returns what that showed, hours later perhaps.
// If ctx ends before anything was found the drill ends; a difference that was found is
// confirmed and marked all the same. It is Unavailable where this sidecar does not lead,
// or leads no more before the end; Conflict while another drill goes on.
func (d *Duty) Ask(ctx context.Context) (rule.Report, error) {
	reply := make(chan answer, 1)
	if err := d.claim("it was asked for", &job{asker: ctx, reply: reply}); err != nil {
		return rule.Report{}, err
	}
	select {
	case a := <-reply:
		return a.report, a.err
	case <-ctx.Done():
		return rule.Report{}, &fault.Error{Kind: fault.Unavailable, Op: "drill", Detail: "it was not done in time", Err: context.Cause(ctx)}
	}
}

// claim begins a drill, if none goes on. With a job the duty is handed it; without, the
// duty itself is the caller.
func (d *Duty) claim(trigger string, asked *job) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case asked != nil && !d.serving:
		return fault.New(fault.Unavailable, "drill", "", "this sidecar does not lead").
			WithRemedy("ask the sidecar beside the etcd leader")
	case d.claimed.trigger != "":
		return fault.New(fault.Conflict, "drill", "", fmt.Sprintf("a drill that began at %s goes on (%s)", d.claimed.since.UTC().Format(time.RFC3339), d.claimed.trigger)).
			WithRemedy("wait until it has ended: `revkeeper status` shows what it found")
	}
	d.claimed = claim{since: time.Now(), trigger: trigger}
	if asked != nil {
		d.asked <- *asked // it has room: only one drill is claimed
	}
	return nil
}

func (d *Duty) free() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.claimed = claim{}
}

// trigger says why the drill goes on.
func (d *Duty) trigger() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claimed.trigger == "" {
		return "it is due"
	}
	return d.claimed.trigger
}

// lostLead is what whoever waits is told where the own member leads no more.
func lostLead() error {
	return fault.New(fault.Unavailable, "drill", "", "this sidecar leads no more, so the drill was given up").
		WithRemedy("ask again: the sidecar that leads now carries it out")
}

// serve says whether the duty runs. A drill that was asked for and not begun is over
// with it.
func (d *Duty) serve(yes bool) {
	d.mu.Lock()
	d.serving = yes
	d.mu.Unlock()
	if yes {
		return
	}
	select {
	case j := <-d.asked:
		d.free()
		j.reply <- answer{err: lostLead()}
	default:
	}
}

// answer carries out a drill that was asked for, and reports whether it showed
// something.
func (d *Duty) answer(ctx context.Context, j job) bool {
	asker, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(j.asker, cancel)()
	report, err := d.drill(ctx, asker)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = lostLead()
	case asker.Err() != nil && fault.KindOf(err) != fault.Diverged:
		d.failed(err, event.Info, "the drill was given up: whoever asked for it waits no more")
	default:
		d.failed(err, levelOf(err), "the drill that was asked for could not be carried out")
	}
	d.free() // before it is known that it ended
	j.reply <- answer{report, err}
	return err == nil
}
