package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/adapters/keyfile"
	"github.com/revkeeper/revkeeper/application/extract"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// extractFlags say which keys are taken out, and what for.
type extractFlags struct {
	lookFlags
	prefix           string
	exact            bool
	to, from         string
	apply            bool
	dryRun, yes      bool
	planned          int64
	overwrite, force bool
	leaseTTL         time.Duration
	limit            int
}

// stdout stands for the standard output where a file is wanted.
const stdout = "-"

func (p Program) extract() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "extract --prefix P (--to FILE | --apply --dry-run | --apply --yes) | --from FILE --apply",
		Short: "Take single keys out of the store, into a file or back into etcd",
		Long: "Take the keys that begin with a prefix, as they were at a point, out of the store.\n\n" +
			"--to writes them to a file: lines of JSON, whole or not at all. --apply puts them back\n" +
			"into a live cluster. First look with --dry-run: it says what would be created, what is\n" +
			"there with another value, and at which revision it looked. With --yes and --planned-at\n" +
			"that revision, a key is written only if it is still as it was then; so a change made\n" +
			"meanwhile is never overwritten. Keys that are there with another value stay, unless\n" +
			"--overwrite is given. Nothing is ever deleted. Interrupted, it can be done again.\n\n" +
			"--from puts back the keys of a file that --to wrote, without the store. Look through it\n" +
			"and take out the lines of keys that are not wanted; the rest must be as it was written.\n\n" +
			"It needs under --spool-dir as much disk as the database, which is given back.",
		Example: "  revkeeper extract --prefix /registry/secrets/prod/ --at 14:03 --store file:///backup --to secrets.jsonl\n" +
			"  revkeeper extract --prefix /registry/secrets/prod/ --at 14:03 --store file:///backup --apply --endpoint https://127.0.0.1:2379 --dry-run\n" +
			"  revkeeper extract --prefix /registry/secrets/prod/ --at 14:03 --store file:///backup --apply --endpoint https://127.0.0.1:2379 --planned-at 48211 --yes",
		Args: noArgs,
	}
	flags := quietFlags(cmd, config.PuttingBack)
	f := &extractFlags{}
	f.register(cmd.Flags())
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := flagReader{}
		if f.from != "" {
			f.requestFile(&r, cmd.Flags())
			c, err := p.loadIn(config.PuttingBackFile, flags, output, r.problems...)
			if err != nil {
				return err
			}
			return p.applyFile(cmd.Context(), c, f, output)
		}
		req := f.request(&r, cmd.Flags().Changed("prefix"))
		scope := config.Verification
		if f.apply {
			scope = config.PuttingBack
		}
		c, err := p.loadIn(scope, flags, output, r.problems...)
		if err != nil {
			return err
		}
		log := p.quietLog(c)
		extractor, err := wiring.InitializeExtraction(cmd.Context(), c.Config, log)
		if err != nil {
			return err
		}
		bar := render.NewPatientProgress(p.Stderr)
		extractor = extractor.Telling(bar.Step)
		if !f.apply {
			return p.writeKeys(cmd.Context(), extractor, bar, req, f.to, output)
		}
		target, done, err := wiring.InitializeTarget(c.Etcd, log)
		if err != nil {
			return err
		}
		defer done()
		applied, err := extractor.Apply(cmd.Context(), req, target, f.order())
		bar.End()
		if err != nil && applied.Total() == 0 {
			return err // nothing was done
		}
		return errors.Join(p.showApplied(applied, f.order(), output), err)
	}
	return cmd
}

func (f *extractFlags) register(fs *pflag.FlagSet) {
	f.lookFlags.register(fs)
	fs.StringVar(&f.prefix, "prefix", "", "the keys that begin so; empty for all")
	fs.BoolVar(&f.exact, "exact", false, "only the one key that --prefix is")
	fs.StringVar(&f.to, "to", "", "file to write; "+stdout+" for the standard output")
	fs.StringVar(&f.from, "from", "", "with --apply: a file that --to wrote, in place of the store, --prefix and --at; lines may have been taken out of it")
	fs.BoolVar(&f.apply, "apply", false, "put the keys back into the cluster of --endpoint")
	fs.BoolVar(&f.dryRun, "dry-run", false, "with --apply: show what would be done, and do nothing")
	fs.BoolVar(&f.yes, "yes", false, "with --apply: write")
	fs.Int64Var(&f.planned, "planned-at", 0, "with --apply: the revision that --dry-run printed; keys that were changed after it stay as they are. 0: after the command began")
	fs.BoolVar(&f.overwrite, "overwrite", false, "with --apply: replace keys that are there with another value, too, but not those changed after --planned-at")
	fs.BoolVar(&f.force, "force", false, "with --apply --overwrite: replace also keys that were changed after --planned-at, so what somebody wrote meanwhile is lost")
	fs.DurationVar(&f.leaseTTL, "default-lease-ttl", 0, "with --apply: for leases whose TTL the backup does not have, in whole seconds; 0 leaves their keys out")
	fs.IntVar(&f.limit, "limit", 1000, "with --apply: how many keys are listed; 0 for all. All are counted")
}

func (f *extractFlags) request(r *flagReader, prefixed bool) extract.Request {
	req := extract.Request{Where: f.where(r, time.Now()), Prefix: []byte(f.prefix), Exact: f.exact}
	if !prefixed {
		r.add("--prefix", "", "is required", "how the keys begin; '' for all of them")
	}
	if (f.to == "") == !f.apply {
		r.add("--to", f.to, "and --apply are two ways to use the keys, and exactly one is needed", "give one of the two")
	}
	f.checkOrder(r)
	return req
}

// fileSays are the flags that a file answers itself.
var fileSays = []string{"prefix", "exact", "at", "timeline", "allow-suspect", "skip-proof"}

// requestFile checks the flags where the keys come from a file.
func (f *extractFlags) requestFile(r *flagReader, fs *pflag.FlagSet) {
	for _, name := range fileSays {
		if fs.Changed(name) {
			r.add("--"+name, fs.Lookup(name).Value.String(), "is about what is taken out of the store, and --from names keys that were", "leave it out, or --from; take lines out of the file to put back less of it")
		}
	}
	if f.to != "" {
		r.add("--to", f.to, "writes a file, and --from reads one", "give one of the two")
	}
	if !f.apply {
		r.add("--apply", "", "is missing, and --from is about keys that are put back", "add it, or leave out --from")
		return
	}
	f.checkOrder(r)
}

// checkOrder checks what may be done to the live cluster.
func (f *extractFlags) checkOrder(r *flagReader) {
	if f.apply {
		r.problems = append(r.problems, oneOf(f.dryRun, f.yes, "write")...)
	} else if given := f.aboutApply(); given != "" {
		r.add("--apply", "", "is missing, and "+given+" is about keys that are put back", "add it, or leave out "+given)
	}
	if f.force && !f.overwrite {
		r.add("--force", "", "goes beyond --overwrite, which is missing", "give both to replace keys that were changed meanwhile, too; --overwrite alone to leave those; neither to replace nothing")
	}
	if f.planned < 0 {
		r.add("--planned-at", itoa(int(f.planned)), "is negative", "the revision that --dry-run printed, or 0")
	}
	if f.leaseTTL < 0 || f.leaseTTL%time.Second != 0 {
		r.add("--default-lease-ttl", f.leaseTTL.String(), "is no whole number of seconds", "as in 1m, or 1h; 0 leaves such keys out")
	}
	r.limit(f.limit)
}

// aboutApply returns a flag that was given and says how keys are put back; empty if
// none was.
func (f *extractFlags) aboutApply() string {
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"--dry-run", f.dryRun}, {"--yes", f.yes}, {"--planned-at", f.planned != 0},
		{"--overwrite", f.overwrite}, {"--force", f.force}, {"--default-lease-ttl", f.leaseTTL != 0},
	} {
		if flag.given {
			return flag.name
		}
	}
	return ""
}

func (f *extractFlags) order() extract.Order {
	return extract.Order{Allowed: rule.Allowed{Overwrite: f.overwrite, Force: f.force}, Planned: f.planned, DryRun: f.dryRun,
		DefaultTTL: int64(f.leaseTTL / time.Second), List: f.limit}
}

// applyFile puts back the keys of a file.
func (p Program) applyFile(ctx context.Context, c config.Loaded, f *extractFlags, output *output) error {
	file, err := openKeys(f.from)
	if err != nil {
		return err
	}
	defer file.Close()
	target, done, err := wiring.InitializeTarget(c.Etcd, p.quietLog(c))
	if err != nil {
		return err
	}
	defer done()
	applied, err := extract.ApplyFile(ctx, f.from, file, target, f.order())
	if err != nil && applied.Total() == 0 {
		return err // nothing was done
	}
	return errors.Join(p.showApplied(applied, f.order(), output), err)
}

// openKeys opens a file of keys. It is asked first what it is: opening a pipe waits
// for who writes into it.
func openKeys(path string) (*os.File, error) {
	const op = "read keys"
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, op, path, err)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, path, err)
	}
	if !info.Mode().IsRegular() {
		what := "it is a pipe or a device, which cannot be read twice"
		if info.IsDir() {
			what = "it is a folder"
		}
		return nil, fault.New(fault.Invalid, op, path, what).
			WithRemedy("name a file that `revkeeper extract --to` wrote; what comes through a pipe has to be in a file first, for it is checked before the first key is written")
	}
	file, err := os.Open(path)
	return file, fault.Wrap(fault.Invalid, op, path, err)
}

// writeKeys writes the file, and says so where the standard output is free for it.
func (p Program) writeKeys(ctx context.Context, x *extract.Extractor, bar *render.Progress, req extract.Request, to string, o *output) error {
	defer bar.End()
	if to == stdout {
		_, err := x.Write(ctx, req, bar.Before(p.Stdout))
		return err
	}
	written, err := writeFile(ctx, x, req, to)
	bar.End()
	if err != nil {
		return err
	}
	if o.json() {
		return render.JSON(p.Stdout, render.ExtractedOf(written, to))
	}
	return render.Extracted(p.Stdout, written, to)
}

func writeFile(ctx context.Context, x *extract.Extractor, req extract.Request, path string) (extract.Written, error) {
	file, err := keyfile.Create(path)
	if err != nil {
		return extract.Written{}, err
	}
	defer file.Discard()
	written, err := x.Write(ctx, req, file)
	if err != nil {
		return written, err
	}
	return written, file.Commit(ctx)
}

func (p Program) showApplied(a extract.Applied, o extract.Order, out *output) error {
	if out.json() {
		return render.JSON(p.Stdout, render.AppliedOf(a, o))
	}
	return render.Applied(p.Stdout, a, o)
}
