package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// run is one run under way.
type run struct {
	*Keeper
	progress Progress
	report   rule.Report
	gone     []rule.Decision
}

// all plans, reads back and deletes, again where the bucket changed meanwhile.
func (r *run) all(ctx context.Context) error {
	for n := range plansPerRun {
		r.progress(Step{Phase: "list"})
		c, err := r.archive.Catalogue(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			r.sweep(ctx) // not before the listing told that the bucket is revkeeper's
		}
		changed, err := r.once(ctx, c)
		if err != nil || changed == "" {
			return err
		}
	}
	return fault.New(fault.Unavailable, "tidy the bucket", "", fmt.Sprintf("the bucket changed %d times while it was tidied", plansPerRun)).
		WithRemedy("let nobody else delete from it, and try again")
}

// once carries out one plan. It returns why the plan did not hold to its end.
func (r *run) once(ctx context.Context, c timeline.Catalogue) (changed string, err error) {
	r.memory.prune(c, time.Now())
	facts, err := r.facts(ctx, c)
	if err != nil {
		return "", err
	}
	var plan rule.Plan
	var sequence *rule.Sequence
	for sound := false; !sound; {
		facts.Damaged = r.memory.damaged()
		plan = rule.Make(c, r.config.Rule, facts, r.report.At)
		sequence = plan.Sequence(r.config.Limit - r.report.Deleted)
		if sound, changed, err = r.readBack(ctx, plan.Replacements(sequence.Deletions())); err != nil || changed != "" {
			return changed, err
		}
	}
	r.adopt(plan)
	return r.carryOut(ctx, c, sequence)
}

// adopt has the report tell of a plan, and of what earlier ones of this run did.
func (r *run) adopt(plan rule.Plan) {
	r.report.Plan, r.report.Stopped, r.report.Missed = plan, plan.Stopped, nil
	r.report.Locked, r.report.Failed, r.report.Spared = 0, 0, 0
	r.report.Keeps()
	n, _ := plan.Deleted()
	r.report.Left = n
	r.report.Damaged = len(r.memory.damaged())
}

// carryOut deletes in waves, and looks at the bucket before each.
func (r *run) carryOut(ctx context.Context, c timeline.Catalogue, s *rule.Sequence) (changed string, err error) {
	gone := map[snapshot.Ref]bool{}
	total := len(s.Deletions())
	defer func() {
		r.report.Spared = len(s.Skipped())
		r.report.Left -= r.report.Spared
	}()
	for wave := s.Next(); len(wave) > 0; wave = s.Next() {
		if r.sure != nil {
			if err := r.sure(ctx); err != nil {
				return "", err
			}
		}
		look, err := r.keep.Outline(ctx, c)
		if err != nil {
			return "", err
		}
		if why := rule.Changed(c, look, gone); why != "" {
			return why, nil
		}
		err = r.wave(ctx, wave, s, gone)
		r.progress(Step{Phase: "delete", Done: len(gone), Total: total, Deleted: r.report.DeletedBytes})
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// wave deletes one wave; what the store could not do for now is tried again. It
// returns an error where it could not in the end.
func (r *run) wave(ctx context.Context, wave []rule.Decision, s *rule.Sequence, gone map[snapshot.Ref]bool) error {
	for failures := 0; ; {
		refs := make([]snapshot.Ref, len(wave))
		for i, d := range wave {
			refs[i] = d.Ref
		}
		var away []rule.Decision
		var last error
		for i, err := range r.keep.Delete(ctx, refs) {
			switch d := wave[i]; {
			case err == nil:
				gone[d.Ref] = true
				r.deleted(d)
			case errors.Is(err, fault.Unavailable) || ctx.Err() != nil:
				away, last = append(away, d), err
			default:
				s.Missed(d.Ref)
				r.missed(d, err)
			}
		}
		if len(away) == 0 {
			return nil
		}
		if failures++; failures == tries || ctx.Err() != nil {
			return last
		}
		if err := pause(ctx, r.config.Retry.After(failures)); err != nil {
			return err
		}
		wave = away
	}
}

func (r *run) deleted(d rule.Decision) {
	r.gone = append(r.gone, d)
	r.report.Deleted++
	r.report.DeletedBytes += d.Size
	r.report.Left--
}

func (r *run) missed(d rule.Decision, err error) {
	r.report.Missed = append(r.report.Missed, rule.Missed{Decision: d, Err: err})
	r.report.Left--
	if errors.Is(err, fault.Immutable) {
		r.report.Locked++
	} else {
		r.report.Failed++
	}
}

// sweep takes away what uploads left that were never finished. That it could not
// is told, and no reason to stop.
func (r *run) sweep(ctx context.Context) {
	if r.Off() {
		return
	}
	n, err := r.keep.Sweep(ctx, r.report.At.Add(-r.config.Rule.Leftover))
	r.report.Swept = n
	if err != nil && ctx.Err() == nil && !errors.Is(err, fault.Unsupported) {
		r.observe.Observe(event.Event{At: time.Now(), Kind: event.RetentionFailed, Level: event.Warn, Err: err,
			Message: "what aborted uploads left in the store could not be swept"})
	}
}

func pause(ctx context.Context, wait time.Duration) error {
	return fault.Wrap(fault.Unavailable, "delete objects", "", supervise.Until(ctx, time.Now().Add(wait)))
}

// reasons says in a few words what went and why.
func reasons(gone []rule.Decision) string {
	const most = 6
	groups := rule.Groups(gone)
	slices.SortStableFunc(groups, func(a, b rule.Group) int { return b.Objects - a.Objects })
	var parts []string
	for i, g := range groups {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more reasons", len(groups)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%d × %s of timeline %d (%s)", g.Objects, g.Kind, g.Epoch, g.Reason))
	}
	return strings.Join(parts, ", ")
}
