package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// compactFlags say what to do.
type compactFlags struct {
	rollUp, full bool
	targetRTO    time.Duration
	dryRun       bool
}

func (p Program) compact() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Make chains shorter: roll up small deltas, build a full from a full and deltas",
		Long: "Make chains shorter, with the store alone and without etcd.\n\n" +
			"--roll-up puts small deltas that are older than a window together into larger ones;\n" +
			"every revision stays restorable. --full builds a full at the newest revision from the\n" +
			"newest full and the deltas after it, and stores it once it was compared with the hash\n" +
			"that the live cluster gave. Without either, both are done, the full if one is due.\n\n" +
			"Nothing is deleted: what was replaced goes by retention.",
		Example: "  revkeeper compact --store file:///backup --dry-run\n" +
			"  revkeeper compact --store file:///backup --full --target-rto 5m",
		Args: noArgs,
	}
	flags := quietFlags(cmd, config.Compaction)
	f := compactFlags{}
	cmd.Flags().BoolVar(&f.rollUp, "roll-up", false, "only roll up deltas")
	cmd.Flags().BoolVar(&f.full, "full", false, "only build a full")
	cmd.Flags().DurationVar(&f.targetRTO, "target-rto", 0, "build a full only if a restore would take longer; 0 for whatever the settings say, and with --full always")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be done, and do nothing")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.loadIn(config.Compaction, flags, output, f.problems()...)
		if err != nil {
			return err
		}
		compactor, err := wiring.InitializeCompaction(cmd.Context(), c.Config, wiring.Build{Version: p.versionText()}, p.quietLog(c))
		if err != nil {
			return err
		}
		done, err := f.work(cmd.Context(), compactor, c.Compact)
		if err != nil {
			return err
		}
		if output.json() {
			return render.JSON(p.Stdout, done)
		}
		return render.Compaction(p.Stdout, done)
	}
	return cmd
}

func (f *compactFlags) problems() []fault.Problem {
	var ps []fault.Problem
	if f.rollUp && f.full {
		ps = append(ps, fault.Problem{Key: "--full", Value: "true", Detail: "contradicts --roll-up", Remedy: "give one of the two, or neither for both"})
	}
	if f.targetRTO < 0 || f.rollUp && f.targetRTO != 0 {
		ps = append(ps, fault.Problem{Key: "--target-rto", Value: f.targetRTO.String(), Detail: "is negative, or given with --roll-up", Remedy: "a duration, as in 5m, without --roll-up"})
	}
	return ps
}

func (f *compactFlags) work(ctx context.Context, k *compact.Compactor, c config.Compact) (render.CompactionDocument, error) {
	done := render.CompactionDocument{DryRun: f.dryRun}
	if !f.full {
		plans, err := k.PlanRollUp(ctx, c.RollUp())
		if err != nil {
			return done, err
		}
		done.Plan(plans)
		if !f.dryRun {
			made, err := k.RollUp(ctx, c.RollUp())
			done.Made(made)
			if err != nil {
				return done, err
			}
		}
	}
	if f.rollUp {
		return done, nil
	}
	return done, f.buildFull(ctx, k, c, &done)
}

// buildFull builds a full if one is due; with --full alone it always is.
func (f *compactFlags) buildFull(ctx context.Context, k *compact.Compactor, c config.Compact, done *render.CompactionDocument) error {
	rule := c.SyntheticFull()
	if f.targetRTO != 0 {
		rule.Bytes, rule.Revisions, rule.TargetRTO = 0, 0, f.targetRTO
	}
	plan, err := k.PlanFull(ctx, rule)
	if err != nil {
		return err
	}
	if f.full && f.targetRTO == 0 && !plan.Verdict.Due && len(plan.Path.Deltas) > 0 {
		plan.Verdict.Due, plan.Verdict.Reason = true, "asked for; "+plan.Verdict.Reason
	}
	done.PlanFull(plan)
	if f.dryRun || !plan.Verdict.Due {
		return nil
	}
	full, err := k.BuildFull(ctx, plan)
	if err != nil {
		return err
	}
	done.Full.Object, done.Full.Size = full.Key(), full.Size
	return nil
}
