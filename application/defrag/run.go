package defrag

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	lostLead = "this sidecar does not lead any more; the next plan of the new leader finds what is left"
	// statusTimeout bounds a question about a member that has just been done,
	// moveTimeout the moving of the lead.
	statusTimeout = 5 * time.Second
	moveTimeout   = 10 * time.Second
	// storeTimeout bounds the storing of what the cluster has by now.
	storeTimeout = 5 * time.Minute
	// settleInterval is how often it is looked whether the cluster is well again.
	settleInterval = 500 * time.Millisecond
)

// carryOut does a run from its first plan to its end.
func (d *Defrag) carryOut(ctx context.Context, j job) {
	d.say(event.DefragStarted, event.Info, fmt.Sprintf("defragmentation %s begins: %s", j.run.ID, j.run.Trigger), nil)
	if j.scope.NoSpace {
		if err := d.store(ctx); err != nil {
			d.end(j.run, rule.Refused, "etcd is out of space, and what it has could not be stored first: "+fault.Brief(err))
			return
		}
	}
	run, outcome, reason := d.members(ctx, j)
	if j.scope.NoSpace && outcome == rule.Done {
		run = d.disarm(ctx, run)
	}
	d.end(run, outcome, reason)
}

// store keeps what the cluster has before anything is done about its space.
func (d *Defrag) store(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return d.own.Store(ctx)
}

// members does one member after the other.
func (d *Defrag) members(ctx context.Context, j job) (rule.Run, rule.Outcome, string) {
	run, done, patience := j.run, map[cluster.ID]string{}, j.patience
	for {
		plan := d.settled(ctx, j.scope, done, patience)
		run = run.Follow(plan)
		d.publish(run)
		if plan.Refused != "" {
			return run, unfinished(done), plan.Refused
		}
		step, any := plan.Next()
		if !any {
			return run, rule.Done, "nobody is left for whom it is worth it"
		}
		if j.window {
			if ok, why := rule.Fits(d.config.Window, time.Now(), step.Stall); !ok {
				return run, unfinished(done), why
			}
		}
		var err error
		if step.MoveTo != 0 {
			if run, err = d.moveLead(ctx, run, step); err == nil {
				return run, rule.HandedOver, handedTo(step)
			}
		} else {
			run, err = d.one(ctx, run, step)
		}
		if err != nil {
			return run, rule.Stopped, fmt.Sprintf("%s: %s", nameOf(step.Member.Member), fault.Brief(err))
		}
		done[step.Member.Member.ID], patience = "it was defragmented by this run", d.config.Settle
	}
}

func handedTo(step rule.Step) string {
	return fmt.Sprintf("the lead went to member %s, whose sidecar does %s", step.MoveTo, nameOf(step.Member.Member))
}

func unfinished(done map[cluster.ID]string) rule.Outcome {
	if len(done) == 0 {
		return rule.Refused
	}
	return rule.Stopped
}

// settled plans again and again until nothing speaks against it, for as long as
// patience at most: a member that was just done has to catch up first.
func (d *Defrag) settled(ctx context.Context, scope rule.Scope, done map[cluster.ID]string, patience time.Duration) rule.Plan {
	deadline := time.Now().Add(patience)
	for {
		members, err := d.fulls.Candidates(ctx)
		plan := rule.Make(d.state(members, scope, done))
		if err != nil {
			plan.Refused = fault.Brief(err)
		}
		switch {
		case ctx.Err() != nil:
			plan.Refused = lostLead
			return plan
		case plan.Refused == "" || !time.Now().Before(deadline):
			return plan
		}
		timer := time.NewTimer(settleInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-d.leave:
			timer.Stop()
			plan.Refused = "this sidecar is about to end"
			return plan
		}
		timer.Stop()
	}
}

// one defragments a member.
func (d *Defrag) one(ctx context.Context, run rule.Run, step rule.Step) (rule.Run, error) {
	m, began := step.Member.Member, time.Now()
	run = run.With(m.ID, func(r *rule.Result) { r.Stage, r.Began = rule.Busy, began })
	d.publish(run)
	timeout := rule.Timeout(step.Member.Status.DBSize)
	took, err := d.call(ctx, m, timeout)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("it was not done after %s, and may go on by itself: %w", timeout, err)
		}
		run = run.With(m.ID, func(r *rule.Result) { r.Stage, r.Reason = rule.Failed, fault.Brief(err) })
		d.publish(run)
		d.say(event.DefragFailed, event.Error, "member "+nameOf(m)+" could not be defragmented; the run stops here", err)
		return run, err
	}
	d.learn(m.ID, rule.Past{Bytes: step.Member.Status.DBInUse, Took: took})
	after := d.sizeOf(ctx, m)
	run = run.With(m.ID, func(r *rule.Result) { r.Stage, r.Stall, r.After = rule.Dense, took, after })
	d.publish(run)
	freed := int64(0)
	if after.DB > 0 {
		freed = step.Member.Status.DBSize - after.DB
	}
	d.observe.Observe(event.Event{At: time.Now(), Kind: event.Defragmented, Bytes: freed, Took: took, Message: fmt.Sprintf(
		"member %s was defragmented: %.1f MiB given back of %.1f, it answered nothing for %s", nameOf(m),
		mib(freed), mib(step.Member.Status.DBSize), took.Round(time.Millisecond))})
	return run, nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// call asks a member to defragment and waits for it, also when the lead is lost
// meanwhile. Its sidecar is told before.
func (d *Defrag) call(ctx context.Context, m cluster.Member, timeout time.Duration) (time.Duration, error) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	done := d.tell.Busy(call, m.ID, "defragmentation", time.Now().Add(timeout))
	defer done()
	if d.fulls.Streaming() == m.ID { // it began while the sidecar was told
		return 0, fault.New(fault.Conflict, "defragment", nameOf(m), "a full is being read from it").WithRemedy("try again when it is stored")
	}
	began, result := time.Now(), make(chan error, 1)
	go func() { result <- d.etcd.Defragment(call, m) }()
	lost := ctx.Done()
	for {
		select {
		case err := <-result:
			return time.Since(began), err
		case <-lost:
			lost = nil
			d.say(event.MemberBusy, event.Warn, "the lead was lost while member "+nameOf(m)+" defragments: nothing can stop it, so it is let finish", nil)
		case <-d.leave:
			cancel()
			<-result
			return 0, fault.New(fault.Unavailable, "defragment", nameOf(m), "this sidecar ends meanwhile, and the member goes on by itself")
		}
	}
}

// sizeOf asks how large a member is now; zero if it does not say.
func (d *Defrag) sizeOf(ctx context.Context, m cluster.Member) rule.Size {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusTimeout)
	defer cancel()
	s, err := d.cluster.MemberStatus(ctx, m)
	if err != nil {
		return rule.Size{}
	}
	return rule.SizeOf(s)
}

// moveLead gives the lead to a member that is defragmented, and tells its sidecar
// what was done and who is left. What is told may be lost: the next plan then
// finds it.
func (d *Defrag) moveLead(ctx context.Context, run rule.Run, step rule.Step) (rule.Run, error) {
	m := step.Member.Member
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTimeout)
	defer cancel()
	if err := d.etcd.MoveLeader(ctx, m, step.MoveTo); err != nil {
		run = run.With(m.ID, func(r *rule.Result) { r.Stage, r.Reason = rule.Failed, fault.Brief(err) })
		d.say(event.DefragFailed, event.Error, fmt.Sprintf("the lead could not be moved from %s to member %s; the run stops here", nameOf(m), step.MoveTo), err)
		return run, err
	}
	d.say(event.LeadMoved, event.Info, fmt.Sprintf("the lead went from %s to member %s: %s", nameOf(m), step.MoveTo, step.Reason), nil)
	run = run.With(m.ID, func(r *rule.Result) { r.Stage = rule.LeadWas })
	err := d.tell.TakeOver(ctx, step.MoveTo, rule.Handover{Run: run.End(rule.HandedOver, handedTo(step), time.Now()), Member: m.ID,
		Reason: fmt.Sprintf("member %s led and is left of run %s", nameOf(m), run.ID)})
	if err != nil {
		d.say(event.DefragFailed, event.Warn, fmt.Sprintf("the sidecar of member %s could not be told that %s is left; the next plan finds it by the rule", step.MoveTo, nameOf(m)), err)
	}
	return run, nil
}

// disarm ends the NOSPACE alarms if there is room again everywhere.
func (d *Defrag) disarm(ctx context.Context, run rule.Run) rule.Run {
	note := func(level event.Level, kind event.Kind, text string, err error) {
		d.say(kind, level, text, err)
		if err != nil {
			text += ": " + fault.Brief(err)
		}
		run.Alarms = append(run.Alarms, text)
	}
	members, err := d.fulls.Candidates(ctx)
	if err != nil {
		note(event.Warn, event.AlarmStays, "the NOSPACE alarm stays: the members cannot be asked", err)
		return run
	}
	if ok, why := rule.Disarm(members, d.config.Below, d.config.Quota); !ok {
		note(event.Warn, event.AlarmStays, "the NOSPACE alarm stays: "+why, nil)
		return run
	}
	ctx, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()
	alarms, err := d.etcd.Alarms(ctx)
	if err != nil {
		note(event.Warn, event.AlarmStays, "the NOSPACE alarm stays: the alarms cannot be listed", err)
	}
	for _, a := range alarms {
		if !a.NoSpace() {
			continue
		}
		if err := d.etcd.Disarm(ctx, a); err != nil {
			note(event.Warn, event.AlarmStays, fmt.Sprintf("the NOSPACE alarm of member %s could not be disarmed", a.Member), err)
			continue
		}
		note(event.Warn, event.AlarmDisarmed, fmt.Sprintf("the NOSPACE alarm of member %s was disarmed: every member uses less than %d %% of its quota", a.Member, d.config.Below), nil)
	}
	return run
}

// end shows how a run ended.
func (d *Defrag) end(run rule.Run, outcome rule.Outcome, reason string) {
	run = run.End(outcome, reason, time.Now())
	d.publish(run)
	level := event.Info
	if outcome == rule.Refused || outcome == rule.Stopped {
		level = event.Warn
	}
	d.say(event.DefragEnded, level, fmt.Sprintf("defragmentation %s %s", run.ID, run.Summary()), nil)
}

func (d *Defrag) say(kind event.Kind, level event.Level, text string, err error) {
	d.observe.Observe(event.Event{At: time.Now(), Kind: kind, Level: level, Message: text, Err: err})
}
