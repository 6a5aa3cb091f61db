package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/application/verify"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/verify"
)

// verifyFlags say how much to check.
type verifyFlags struct {
	level    string
	epoch    int
	revision string
}

func (p Program) verify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that what the store holds can be restored",
		Long: "Check what the store holds, from any machine, with credentials that may only read.\n\n" +
			"structure looks at the listing: are the histories continuous and undisputed? objects\n" +
			"also reads every full and delta and compares all their digests. restore also rebuilds\n" +
			"a history under --spool-dir, which takes as much disk as its database, and compares\n" +
			"it with the HashKV that a live member gave. history also rebuilds everything before\n" +
			"that, from each full to the next, and compares it with every HashKV that is stored:\n" +
			"what was lost before a full shows in nothing that begins with the full. It takes twice\n" +
			"the disk, and as long as restoring from each full.\n\n" +
			"Says what was proven, and exits with 5, 6 or 3 where something is damaged, disputed or\n" +
			"missing.",
		Example: "  revkeeper verify --store file:///backup\n" +
			"  revkeeper verify --store 's3://backups/prod?region=eu-central-1' --level objects -o json",
		Args: noArgs,
	}
	flags := quietFlags(cmd, config.Verification)
	f := &verifyFlags{}
	cmd.Flags().StringVar(&f.level, "level", string(rule.Restore), "how deep: structure, objects, restore or history; each holds those before it")
	cmd.Flags().IntVar(&f.epoch, "timeline", 0, "only this timeline; 0 for all, and for the newest that has the revision")
	cmd.Flags().StringVar(&f.revision, "to-revision", latest, "revision that is rebuilt, or "+latest)
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		req, wrong := f.request()
		c, err := p.loadIn(config.Verification, flags, output, wrong...)
		if err != nil {
			return err
		}
		verifier, err := wiring.InitializeVerification(cmd.Context(), c.Config, p.quietLog(c))
		if err != nil {
			return err
		}
		bar := render.NewProgress(p.Stderr)
		report, err := verifier.Run(cmd.Context(), req, bar.Checked)
		bar.End()
		if err != nil {
			return err
		}
		if output.json() {
			err = render.JSON(p.Stdout, render.VerificationOf(report))
		} else {
			err = render.Verification(p.Stdout, report)
		}
		if err != nil {
			return err
		}
		return verdict(report)
	}
	return cmd
}

func (f *verifyFlags) request() (verify.Request, []fault.Problem) {
	r := flagReader{}
	req := verify.Request{Level: rule.Level(f.level), Epoch: f.epoch, Target: chain.Latest}
	if !slices.Contains(rule.Levels(), req.Level) {
		r.add("--level", f.level, "is no level", "structure, objects, restore or history")
	}
	r.timeline(f.epoch)
	if f.revision != latest {
		req.Target = r.revision(f.revision)
		if !req.Level.Includes(rule.Restore) {
			r.add("--to-revision", f.revision, "means nothing at this level", "--level restore or history")
		}
	}
	return req, r.problems
}

// verdict turns findings into the exit status of the worst.
func verdict(r rule.Report) error {
	kind, bad := r.Worst()
	if !bad {
		return nil
	}
	worst := r.Findings[slices.IndexFunc(r.Findings, func(f rule.Finding) bool { return f.Kind == kind })]
	return fault.New(kind, "verify", worst.Object, worst.Detail+more(len(r.Findings)-1)).
		WithRemedy("keep what is there; the revisions that are restorable without it are above, and a full taken now begins anew")
}

func more(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "; there is one finding more"
	}
	return "; there are " + itoa(n) + " findings more"
}
