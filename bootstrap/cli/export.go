package cli

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/export"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// exportFlags say what is written where.
type exportFlags struct {
	target     restoreTarget
	epoch      int
	to         string
	format     string
	leaseTTL   time.Duration
	skipProof  bool
	suspect    bool
	folded     bool
	defragment bool
}

func (p Program) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export --to-revision R|latest | --to-time T | --before-delete KEY --to FILE",
		Short: "Write any point as a full snapshot for other programs",
		Long: "Write the cluster as it was at a revision, at a moment, or before a key was deleted,\n" +
			"as a full snapshot that other programs read. Needs the store alone, no etcd, and room\n" +
			"for the database under --spool-dir. Either the whole snapshot is there at the end, or\n" +
			"nothing; nothing is replaced.\n\n" +
			"snapshot is the file that `etcdctl snapshot save` writes and `etcdutl snapshot\n" +
			"restore` takes. gardener adds a full to a store of gardener/etcd-backup-restore:\n" +
			"--to is then its folder or URL, without the v2 below it.\n\n" +
			"Revisions are as they were. Clients that may have seen later ones need a bump, as\n" +
			"`etcdutl snapshot restore --bump-revision --mark-compacted` makes it.",
		Example: "  revkeeper export --store file:///backup --to-revision latest --to snapshot.db\n" +
			"  revkeeper export --store file:///backup --to-time 14:03 --to s3://other/prod --format gardener",
		Args: noArgs,
	}
	flags := quietFlags(cmd, config.Verification)
	f := &exportFlags{}
	f.register(cmd.Flags())
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		req, wrong := f.request(time.Now())
		c, err := p.loadIn(config.Verification, flags, output, wrong...)
		if err != nil {
			return err
		}
		exporter, err := wiring.InitializeExport(cmd.Context(), c.Config, wiring.Destination{Format: f.format, Place: f.to}, p.quietLog(c))
		if err != nil {
			return err
		}
		if err := f.target.resolve(cmd.Context(), exporter.Restorer, &req); err != nil {
			return err
		}
		bar := render.NewPatientProgress(p.Stderr)
		result, err := exporter.Run(cmd.Context(), f.of(req), bar.Step)
		bar.End()
		if err != nil {
			return err
		}
		if output.json() {
			return render.JSON(p.Stdout, render.ExportOf(result, req))
		}
		return render.Export(p.Stdout, result, req)
	}
	return cmd
}

func (f *exportFlags) register(fs *pflag.FlagSet) {
	f.target.register(fs)
	fs.IntVar(&f.epoch, "timeline", 0, "timeline to export from; 0 for the newest that has the revision")
	fs.StringVar(&f.to, "to", "", "file to write; with --format gardener a folder or a store's URL")
	fs.StringVar(&f.format, "format", wiring.FormatSnapshot, "snapshot or gardener")
	fs.BoolVar(&f.folded, "folded", false, "leave the past out: only what lives at the target, marked compacted")
	fs.BoolVar(&f.defragment, "defragment", false, "write the database without free pages; --folded does it too")
	leaseTTLFlag(fs, &f.leaseTTL)
	fs.BoolVar(&f.skipProof, "skip-proof", false, "do not compare with the hash that the live cluster gave")
	fs.BoolVar(&f.suspect, "allow-suspect", false, "export also revisions that failed a proof; with --skip-proof, since they would fail it again")
}

// of completes what is exported once the target is known.
func (f *exportFlags) of(req restore.Request) export.Request {
	return export.Request{DefaultLeaseTTL: req.DefaultLeaseTTL, Point: restore.Point{
		Epoch: req.Epoch, Target: req.Target, SkipProof: f.skipProof, Suspect: f.suspect, Defragment: f.defragment, Fold: f.folded}}
}

// request reads the flags and returns everything that is wrong with them.
func (f *exportFlags) request(now time.Time) (restore.Request, []fault.Problem) {
	r := flagReader{}
	req := restore.Request{Epoch: f.epoch, Target: f.target.read(&r, now), SkipProof: f.skipProof, AllowSuspect: f.suspect, DefaultLeaseTTL: r.leaseTTL(f.leaseTTL)}
	r.timeline(f.epoch)
	switch f.to {
	case "":
		r.add("--to", "", "is required", "a file; with --format gardener a folder or a store's URL")
	case toStdout:
		r.add("--to", f.to, "is no file: a snapshot is whole or not there, which a pipe cannot be", "a file; one of this name is ./"+toStdout)
	}
	if f.format != wiring.FormatSnapshot && f.format != wiring.FormatGardener {
		r.add("--format", f.format, "is no format", "snapshot or gardener")
	}
	return req, r.problems
}
