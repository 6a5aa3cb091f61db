package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
)

// errDiffer is the result of a diff that is asked for by its exit status. It is
// no failure and nobody prints it.
var errDiffer = errors.New("the points differ")

func (p Program) diff() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Show which keys were created, changed and deleted between two revisions",
		Long: "Show which keys were created, changed and deleted between two points. Each is a\n" +
			"revision, " + latest + ", or a moment. Where the store holds every change in between, only\n" +
			"these are read; else both points are rebuilt under --spool-dir, which takes as much\n" +
			"disk as both databases. So points of two timelines can be compared, too, as before\n" +
			"and after a restore. Needs the store alone, no etcd.\n\n" +
			"Exits with 0 either way; with --exit-code with 1 if there are differences. No\n" +
			"failure ends with 1.",
		Example: "  revkeeper diff 1018 latest --store file:///backup\n" +
			"  revkeeper diff 13:00 14:00 --prefix /registry/configmaps/ --store file:///backup -o json",
		Args: exactly(2, "two: A and B, the earlier point first"),
	}
	flags := quietFlags(cmd, config.Verification)
	f := &lookFlags{}
	f.registerWhence(cmd.Flags())
	prefix := cmd.Flags().String("prefix", "", "only keys that begin so")
	limit := cmd.Flags().Int("limit", 1000, "how many keys are listed; 0 for all. All are counted")
	exitCode := cmd.Flags().Bool("exit-code", false, "exit with 1 if there are differences")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, now := flagReader{}, time.Now()
		f.check(&r)
		two := inspect.Two{A: r.point("A", args[0], now), B: r.point("B", args[1], now), Epoch: f.epoch,
			Prefix: []byte(*prefix), Keep: r.limit(*limit), SkipProof: f.skipProof, Suspect: f.suspect}
		inspector, bar, err := p.inspector(cmd, flags, output, r.problems)
		if err != nil {
			return err
		}
		d, err := inspector.Diff(cmd.Context(), two)
		bar.End()
		if err != nil {
			return err
		}
		if output.json() {
			err = render.JSON(p.Stdout, render.DiffOf(d))
		} else {
			err = render.Diff(p.Stdout, d)
		}
		if err == nil && *exitCode && d.Any() {
			return errDiffer
		}
		return err
	}
	return cmd
}
