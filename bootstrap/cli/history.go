package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
)

func (p Program) history() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history KEY",
		Short: "Show every version of a key that the store holds",
		Long: "Show every version of a key that the store holds between two revisions, the newest last:\n" +
			"revision, when it was written, what happened, and its size. What the deltas do not\n" +
			"hold is looked for in a full, which needs as much disk under --spool-dir. Revisions\n" +
			"that nothing holds are named. Needs the store alone, no etcd.",
		Example: "  revkeeper history /registry/deployments/prod/web --store file:///backup\n" +
			"  revkeeper history /app/config --from 13:00 --to 14:00 --values --store file:///backup",
		Args: oneArg("KEY, as it is in etcd"),
	}
	flags := quietFlags(cmd, config.Verification)
	from := cmd.Flags().String("from", "", "first revision or moment; default: as far back as anything is held")
	to := cmd.Flags().String("to", latest, "last point: a "+pointHelp)
	f := &lookFlags{}
	f.registerSuspect(cmd.Flags())
	cmd.Flags().IntVar(&f.epoch, "timeline", 0, "timeline to look into; 0 for the newest that has the last point")
	values := cmd.Flags().Bool("values", false, "the values too")
	limit := cmd.Flags().Int("limit", 1000, "how many versions, the newest; 0 for all")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, now := flagReader{}, time.Now()
		f.check(&r)
		past := inspect.Past{Key: []byte(args[0]), Epoch: f.epoch, To: r.point("--to", *to, now), Keep: r.limit(*limit), Values: *values, Suspect: f.suspect}
		switch *from {
		case "":
		case latest:
			r.add("--from", *from, "leaves nothing", "a revision, or a moment as in 14:03")
		default:
			past.From = r.point("--from", *from, now)
		}
		if args[0] == "" {
			r.add("KEY", "", "is empty, and etcd has no such key", "a key")
		}
		inspector, bar, err := p.inspector(cmd, flags, output, r.problems)
		if err != nil {
			return err
		}
		story, err := inspector.History(cmd.Context(), past)
		bar.End()
		if err != nil {
			return err
		}
		if output.json() {
			return render.JSON(p.Stdout, render.StoryOf(story, past))
		}
		return render.Story(p.Stdout, story, past)
	}
	return cmd
}
