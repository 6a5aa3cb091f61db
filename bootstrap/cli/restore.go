package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
)

func (p Program) restore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore --to-revision R|latest | --to-time T | --before-delete KEY",
		Short: "Make an etcd data directory as it was at a revision",
		Long: "Make an etcd data directory that holds the cluster as it was at a revision,\n" +
			"at a moment, or before a key was deleted. Needs the store alone, no etcd. Either the\n" +
			"whole directory is there at the end, or nothing.\n\n" +
			"Clients must never see a revision twice, so the restored cluster continues far above\n" +
			"every revision that anybody may have seen; --keep-revisions makes an exact copy.\n\n" +
			"A cluster of several members is restored by one plan, which every member carries out:\n" +
			"see `revkeeper restore plan`. The flags of the member's identity are those of\n" +
			"`etcdutl snapshot restore`.",
		Example: "  revkeeper restore --store file:///backup --to-revision latest --data-dir /var/lib/etcd\n" +
			"  revkeeper restore --store file:///backup --to-time 14:03 --dry-run\n" +
			"  revkeeper restore plan plan.json --store file:///backup --to-revision latest --initial-cluster m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380",
		Args: noArgs,
	}
	flags := storeFlags(cmd)
	var file snapshotFlags
	file.register(cmd)
	f := &restoreFlags{}
	f.register(cmd.Flags())
	output := outputFlag(cmd)
	dryRun := cmd.Flags().Bool("dry-run", false, "show what would be done, and do nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		req, wrong := f.request(time.Now(), *dryRun)
		c, err := p.loadStore(flags, output, append(wrong, file.set(cmd)...)...)
		if err != nil {
			return err
		}
		if err := req.Check(); err != nil { // before anything is read
			return err
		}
		bucket, err := wiring.InitializeStore(cmd.Context(), c.Store, p.quietLog(c))
		if err != nil {
			return err
		}
		if err := f.target.resolve(cmd.Context(), bucket.Restorer, &req); err != nil {
			return err
		}
		if *dryRun {
			plan, err := bucket.Restorer.Plan(cmd.Context(), req)
			if err != nil {
				return err
			}
			if output.json() {
				return render.JSON(p.Stdout, render.ForecastOf(plan, req))
			}
			return render.Forecast(p.Stdout, plan, req)
		}
		return p.carryOut(req, output, func(progress restore.Progress) (restore.Result, error) {
			return bucket.Restorer.Run(cmd.Context(), req, progress)
		})
	}
	cmd.AddCommand(p.restorePlan(), p.restoreApply())
	return cmd
}

// carryOut shows how a restore advances and what came of it.
func (p Program) carryOut(req restore.Request, o *output, run func(restore.Progress) (restore.Result, error)) error {
	bar := render.NewProgress(p.Stderr)
	result, err := run(bar.Step)
	bar.End()
	if err != nil {
		return err
	}
	if o.json() {
		return render.JSON(p.Stdout, render.ResultOf(result, req))
	}
	return render.Result(p.Stdout, result, req)
}
