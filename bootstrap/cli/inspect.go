package cli

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
)

// maxDepth is more parts than a key can have that etcd takes by default.
const maxDepth = 1 << 20

func (p Program) inspect() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Show which keys take how much room at a revision",
		Long: "Show which keys take how much room at a revision, by how they begin, the biggest first:\n" +
			"keys that live, their bytes, and what the history of a restored database would hold.\n" + lookHelp,
		Example: "  revkeeper inspect --store file:///backup\n" +
			"  revkeeper inspect --store file:///backup --at 14:03 --prefix /registry/events/ --depth 1 --by history",
		Args: noArgs,
	}
	flags := quietFlags(cmd, config.Verification)
	f := &lookFlags{}
	f.register(cmd.Flags())
	prefix := cmd.Flags().String("prefix", "", "only keys that begin so")
	depth := cmd.Flags().Int("depth", 2, "how many parts of a key beyond the prefix, each up to a slash, make a line")
	by := cmd.Flags().String("by", string(rule.ByBytes), "what makes a line big: bytes (of living keys), keys, or history (bytes of it)")
	limit := cmd.Flags().Int("limit", 50, "how many lines; 0 for all")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := flagReader{}
		where := f.where(&r, time.Now())
		lines := r.limit(*limit)
		if *depth < 0 || *depth > maxDepth {
			r.add("--depth", itoa(*depth), "is out of range", "0 for one line, or a few")
		}
		if !slices.Contains(rule.Orders(), rule.Order(*by)) {
			r.add("--by", *by, "is no order", "bytes, keys or history")
		}
		inspector, bar, err := p.inspector(cmd, flags, output, r.problems)
		if err != nil {
			return err
		}
		survey, view, err := inspector.Survey(cmd.Context(), where, []byte(*prefix), *depth, rule.Order(*by))
		bar.End()
		if err != nil {
			return err
		}
		if output.json() {
			return render.JSON(p.Stdout, render.SurveyOf(survey, view, lines))
		}
		return render.Survey(p.Stdout, survey, view, lines)
	}
	return cmd
}
