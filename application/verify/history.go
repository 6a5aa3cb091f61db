package verify

import (
	"context"

	drills "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
	rule "github.com/revkeeper/revkeeper/domain/verify"
)

// history rebuilds everything from one full to the next, as drills do: a loss in what
// deltas hold shows in no history that begins with a later full.
func (v *Verifier) history(ctx context.Context, histories []timeline.History, report *rule.Report) error {
	for i := range histories {
		h := &histories[i]
		for done := (drills.Task{}); ; {
			task, last, ok := drills.Stretch(h, done)
			if !ok {
				break
			}
			if err := v.stretch(ctx, task, report); err != nil {
				return err
			}
			if last {
				break
			}
			done = task
		}
	}
	return nil
}

func (v *Verifier) stretch(ctx context.Context, task drills.Task, report *rule.Report) error {
	out, err := v.driller.Run(ctx, task)
	switch kind := fault.KindOf(err); {
	case kind == fault.NotFound:
		report.Notes = append(report.Notes, rule.Note{Timeline: task.Epoch, Detail: "what went while this was checked was not rebuilt: " + fault.Brief(err)})
		return nil
	case kind == fault.Corrupt, kind == fault.Diverged:
		report.Findings = append(report.Findings, rule.Finding{Kind: kind, Timeline: task.Epoch, Detail: "it does not rebuild: " + fault.Brief(err)})
		return nil
	case err != nil:
		return err
	case out.Differs != nil:
		report.Findings = append(report.Findings, rule.Finding{Kind: fault.Diverged, Timeline: task.Epoch, Detail: out.String()})
	}
	report.History = append(report.History, rule.Stretch{Timeline: task.Epoch, First: task.From, Last: task.Revision, Proof: out.Proof})
	return nil
}
