package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
)

func (p Program) get() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get KEY",
		Short: "Show what a key was at a revision",
		Long: "Show what a key was at a revision: when it was created and written, its lease, and its\n" +
			"value, readably: objects of Kubernetes with their metadata and the numbers of their\n" +
			"fields, JSON, text, or the beginning in hexadecimal. With -o raw the value's bytes and\n" +
			"nothing else. With --prefix the keys that begin with KEY, a line each.\n" + lookHelp,
		Example: "  revkeeper get /registry/secrets/prod/db --store file:///backup --at 1018\n" +
			"  revkeeper get /registry/secrets/prod/ --prefix --at 14:03 --store file:///backup\n" +
			"  revkeeper get /app/config --store file:///backup -o raw > config",
		Args: oneArg("KEY, as it is in etcd"),
	}
	flags := quietFlags(cmd, config.Verification)
	f := &lookFlags{}
	f.register(cmd.Flags())
	prefix := cmd.Flags().Bool("prefix", false, "the keys that begin with KEY, in order")
	keysOnly := cmd.Flags().Bool("keys-only", false, "with --prefix: leave out the values")
	limit := cmd.Flags().Int("limit", 1000, "with --prefix: how many keys; 0 for all whose values take up to 64 MiB")
	output := rawOutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := flagReader{}
		where, keys := f.where(&r, time.Now()), r.limit(*limit)
		if *keysOnly && !*prefix {
			r.add("--keys-only", "", "is about the list that --prefix gives, which is missing", "give both, or none")
		}
		if *prefix && output.raw() {
			r.add("--output", outputRaw, "is for one value", "table or json with --prefix")
		}
		if args[0] == "" && !*prefix {
			r.add("KEY", "", "is empty, and etcd has no such key", "a key, or --prefix for all")
		}
		inspector, bar, err := p.inspector(cmd, flags, output, r.problems)
		if err != nil {
			return err
		}
		if *prefix {
			return p.getAll(cmd, inspector, bar, where, args[0], keys, !*keysOnly, output)
		}
		kv, view, err := inspector.Get(cmd.Context(), where, []byte(args[0]))
		bar.End()
		switch {
		case err != nil:
			return err
		case output.raw():
			_, err := p.Stdout.Write(kv.Value)
			return err
		case output.json():
			return render.JSON(p.Stdout, render.EntryOf(kv, view))
		}
		return render.Entry(p.Stdout, kv, view)
	}
	return cmd
}

func (p Program) getAll(cmd *cobra.Command, i *inspect.Inspector, bar *render.Progress, where inspect.Where, prefix string, keep int, values bool, o *output) error {
	list, total, view, err := i.List(cmd.Context(), where, []byte(prefix), keep, values)
	bar.End()
	if err != nil {
		return err
	}
	if o.json() {
		return render.JSON(p.Stdout, render.KeysOf(list, total, view, values))
	}
	return render.Keys(p.Stdout, list, total, view, values)
}
