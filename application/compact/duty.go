package compact

import (
	"context"
	"errors"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Config is how the duty behaves.
type Config struct {
	// Next returns when to work after a moment, the zero time for never; nil for
	// never at all.
	Next   func(after time.Time) time.Time
	RollUp rule.RollUp
	Fulls  bool // also build fulls
	Full   rule.Full
	// Built is told of each full that was built; it may be nil.
	Built func(timeline.Full)
}

// Duty works by schedule until its context ends. A run that fails is told and
// left to the next.
type Duty struct {
	compactor *Compactor
	config    Config
}

// NewDuty returns a Duty.
func NewDuty(c *Compactor, config Config) *Duty { return &Duty{compactor: c, config: config} }

// Run implements the duty. It returns the context's error.
func (d *Duty) Run(ctx context.Context) error {
	return supervise.BySchedule(ctx, d.config.Next, func(ctx context.Context) {
		if err := d.once(ctx); err != nil && ctx.Err() == nil {
			d.compactor.observe.Observe(event.Event{At: time.Now(), Kind: event.CompactionFailed, Level: event.Warn, Err: err,
				Message: "compaction failed; it is tried again when it is next due"})
		}
	})
}

// once does all that is due. That fulls cannot be built is no reason not to roll
// up, and the other way round.
func (d *Duty) once(ctx context.Context) error {
	_, err := d.compactor.RollUp(ctx, d.config.RollUp)
	if ctx.Err() != nil || !d.config.Fulls {
		return err
	}
	plan, planErr := d.compactor.PlanFull(ctx, d.config.Full)
	if planErr != nil || !plan.Verdict.Due {
		return errors.Join(err, planErr)
	}
	full, fullErr := d.compactor.BuildFull(ctx, plan)
	if fullErr == nil && d.config.Built != nil {
		d.config.Built(full)
	}
	return errors.Join(err, fullErr)
}
