package defrag

import (
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
)

// job is a run that is to be carried out.
type job struct {
	run   rule.Run
	scope rule.Scope
	// patience is how long the cluster may take to be well before the first
	// member; a person is told at once.
	patience time.Duration
	window   bool // it keeps to the window
}

// alarmInterval is how often a leader looks for the NOSPACE alarm.
const alarmInterval = 10 * time.Second

// Run carries out what is due until ctx ends, which is when leadership does. It
// returns ctx's error and no other. A member that defragments then is let finish
// first, since nothing can stop it and its sidecar is to know when it is done.
func (d *Defrag) Run(ctx context.Context) error {
	d.serve(true)
	defer d.serve(false)
	alarms, tick := time.NewTicker(alarmInterval), d.timer()
	defer alarms.Stop()
	defer func() { tick.Stop() }()
	for {
		select {
		case j := <-d.asked:
			d.carryOut(ctx, j)
		case <-d.handed:
			d.takenOver(ctx)
		case <-tick.C:
			d.scheduled(ctx)
			tick = d.timer()
		case <-alarms.C:
			d.outOfSpace(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serve says whether the duty runs. A run that was asked for and not begun is
// over with it.
func (d *Defrag) serve(yes bool) {
	d.mu.Lock()
	d.serving = yes
	d.mu.Unlock()
	if yes {
		return
	}
	select {
	case j := <-d.asked:
		d.end(j.run, rule.Refused, lostLead)
	default:
	}
}

// timer fires at the next tick of the schedule; never if there is none.
func (d *Defrag) timer() *time.Timer { return supervise.Timer(d.due(time.Now())) }

func (d *Defrag) scheduled(ctx context.Context) {
	run, err := d.claim("the schedule says so", "", nil)
	if err != nil {
		return // one was asked for at the same moment, and does the same
	}
	d.carryOut(ctx, job{run: run, patience: d.config.Settle, window: true})
}

// Start has the running duty carry out a run for somebody, and returns at once.
// It is Unavailable where this sidecar does not lead, Conflict while another run
// is under way.
func (d *Defrag) Start(_ context.Context, scope rule.Scope) (rule.Run, error) {
	return d.claim("it was asked for", "", &scope)
}

// TakeOver keeps what the sidecar that led leaves to this one, until this one
// leads, and remembers its run: whoever follows it asks this one from now on.
func (d *Defrag) TakeOver(h rule.Handover) {
	d.mu.Lock()
	d.handover, d.handedAt = h, time.Now()
	d.remember(h.Run)
	d.mu.Unlock()
	select {
	case d.handed <- struct{}{}:
	default: // one is waiting already, and the newest counts
	}
}

func (d *Defrag) takenOver(ctx context.Context) {
	d.mu.Lock()
	h, at := d.handover, d.handedAt
	d.mu.Unlock()
	open, why := h.Open(at, time.Now())
	if !open {
		return
	}
	run, err := d.claim("handed over: "+why, h.Run.ID, nil)
	if err != nil {
		return
	}
	// What the one before found worth it is done, and nobody else: were the new
	// leader looked at, too, the lead could go round for ever.
	d.carryOut(ctx, job{run: run, scope: rule.Scope{Only: h.Member, All: true}, patience: d.config.Settle})
}

// outOfSpace acts on the NOSPACE alarm, if that is wanted.
func (d *Defrag) outOfSpace(ctx context.Context) {
	own := d.own.Status()
	d.mu.Lock()
	d.noSpace = d.noSpace.Seen(own)
	last := d.noSpace
	d.mu.Unlock()
	if !d.config.NoSpace || !last.Due(own, time.Now()) {
		return
	}
	run, err := d.claim("etcd is out of space (NOSPACE)", "", nil)
	if err != nil {
		return
	}
	d.mu.Lock()
	d.noSpace = rule.TryNoSpace(own, time.Now())
	d.mu.Unlock()
	d.carryOut(ctx, job{run: run, scope: rule.Scope{NoSpace: true}, patience: d.config.Settle})
}

// LetGo waits for the end of the process, which is ctx's, and has nobody wait for
// a member any more that is being defragmented: it goes on by itself. It returns
// ctx's error. It concerns every role: who lost the lead may wait still.
func (d *Defrag) LetGo(ctx context.Context) error {
	<-ctx.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.left {
		d.left = true
		close(d.leave)
	}
	return ctx.Err()
}

func nameOf(m cluster.Member) string {
	if m.Name == "" {
		return m.ID.String()
	}
	return fmt.Sprintf("%s (%s)", m.Name, m.ID)
}
