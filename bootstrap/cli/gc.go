package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
)

func (p Program) gc() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gc --dry-run | --yes",
		Short: "Delete from the store what no rule keeps, or show what that is",
		Long: "Delete from the store what the retention rule lets go. Needs the store alone, no etcd.\n" +
			"A sidecar that leads does the same by its schedule; give this command the same settings.\n\n" +
			"What takes the place of what goes is read back first. The newest chain, the newest\n" +
			"proven one, pinned revisions and foreign objects never go; what looks like a wiped or\n" +
			"another cluster stops everything until it is acknowledged. Interrupted at any moment, it\n" +
			"leaves everything restorable that was to stay.\n\n" +
			"When nothing may be deleted it says why and ends with 7.",
		Example: "  revkeeper gc --store file:///backup --dry-run\n" +
			"  revkeeper gc --store 's3://backups/prod?region=eu-central-1' --retention-keep 'daily: 14d, monthly: 12' --yes",
		Args: noArgs,
	}
	flags := tidyFlags(cmd)
	dryRun := cmd.Flags().Bool("dry-run", false, "show what would be done and why, and do nothing")
	yes := cmd.Flags().Bool("yes", false, "delete")
	all := cmd.Flags().Bool("all", false, "each object rather than a summary")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.loadIn(config.Tidying, flags, output, oneOf(*dryRun, *yes, "delete")...)
		if err != nil {
			return err
		}
		keeper, err := wiring.InitializeRetention(cmd.Context(), c.Store, c.Retention, p.quietLog(c))
		if err != nil {
			return err
		}
		if *dryRun {
			report, err := keeper.Plan(cmd.Context())
			if err != nil {
				return err
			}
			return p.printRun(report, output, *all)
		}
		return p.tidy(cmd.Context(), keeper, output, *all)
	}
	return cmd
}

// oneOf asks for a decision between looking and doing, as in "delete".
func oneOf(dryRun, yes bool, do string) []fault.Problem {
	switch {
	case dryRun && yes:
		return []fault.Problem{{Key: "--yes", Detail: "means nothing with --dry-run", Remedy: "give one of the two"}}
	case !dryRun && !yes:
		return []fault.Problem{{Key: "--yes", Detail: "is required to " + do, Remedy: "look with --dry-run first, then give --yes"}}
	}
	return nil
}

func (p Program) tidy(ctx context.Context, keeper *retention.Keeper, o *output, all bool) error {
	bar := render.NewTidyProgress(p.Stderr)
	report, err := keeper.Run(ctx, bar.Step)
	bar.End()
	if err != nil && report.Plan.Decisions == nil {
		return err // nothing is known
	}
	if err := errors.Join(err, p.printRun(report, o, all)); err != nil {
		return err
	}
	if report.Stopped != "" && !keeper.Off() {
		return fault.New(fault.Unavailable, "tidy the bucket", "", "nothing was deleted: "+report.Stopped)
	}
	return report.Failure()
}

func (p Program) printRun(report rule.Report, o *output, all bool) error {
	if o.json() {
		return render.JSON(p.Stdout, httpapi.RetentionRun(report, all))
	}
	return render.Tidying(p.Stdout, report, all)
}
