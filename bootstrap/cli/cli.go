// Package cli is the command line. A command reads its flags, has wiring put
// together what it needs, and hands the result to render.
package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/logging"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// Program is revkeeper in a given surrounding.
type Program struct {
	Version string   // empty: what the Go toolchain noted
	Environ []string // as os.Environ returns it
	Stdout  io.Writer
	Stderr  io.Writer
}

// Run carries out one command and returns the exit status. An error is printed
// to Stderr, once.
func (p Program) Run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagError(cmd, args, err) })
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, err)
	switch {
	case err == nil, errors.Is(err, errDiffer):
	case code == exitInterrupted:
		_, _ = io.WriteString(p.Stderr, "revkeeper: interrupted\n")
	default:
		render.Failure(p.Stderr, err)
	}
	return code
}

func (p Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "revkeeper",
		Short: "Keeps every revision of an etcd cluster in object storage",
		Long: "revkeeper stands beside every etcd member, keeps every revision of the cluster in\n" +
			"object storage, and restores the cluster to any of them.",
		Example:                    "  revkeeper run --endpoint https://127.0.0.1:2379 --store s3://backups/prod",
		Args:                       noCommand,
		SuggestionsMinimumDistance: nearCommand,
		SilenceErrors:              true,
		SilenceUsage:               true,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetUsageTemplate(usageTemplate())
	root.Version = p.versionLine()
	root.SetVersionTemplate("{{.Version}}\n")
	root.Flags().Bool("version", false, "print the version of this build")
	root.AddCommand(p.run(), p.status(), p.list(), p.inspect(), p.get(), p.history(), p.diff(), p.extract(), p.restore(), p.export(), p.verify(), p.gc(), p.pin(), p.unpin(), p.timeline(), p.compact(), p.defrag(), p.drill(),
		p.config(), p.version())
	return root
}

// nearCommand is how many letters apart commands are that may be mixed up.
const nearCommand = 2

// noCommand names the commands that come near one that does not exist.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	remedy := "`" + cmd.CommandPath() + " --help` lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		remedy = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fault.New(fault.Invalid, "find command", args[0], "there is no such command").WithRemedy(remedy)
}

// noArgs refuses arguments where there are only flags.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "read arguments", args[0], "this command takes flags only").
		WithRemedy("`" + cmd.CommandPath() + " --help` lists them")
}

// flagError says what is wrong with the flags of a command, or names the command
// that does not exist: its flags were taken for those of the one above.
func flagError(cmd *cobra.Command, args []string, err error) error {
	if _, rest, _ := cmd.Root().Find(args); cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return noCommand(cmd, rest)
	}
	return (&fault.Error{Kind: fault.Invalid, Op: "read flags", Err: err}).
		WithRemedy("`" + cmd.CommandPath() + " --help` lists them")
}

// load reads the configuration that a command works with.
func (p Program) load(flags *config.Flags, scope config.Scope) (config.Loaded, error) {
	return config.Load(config.Input{Environ: p.Environ, Flags: flags}, scope)
}

const (
	logLevel   = "log.level"
	quietLevel = "warn"
)

// quietLog is the logger of commands whose result is what they print: it says
// only what needs attention, unless it was told otherwise.
func (p Program) quietLog(c config.Loaded) *slog.Logger {
	if !c.IsGiven(logLevel) {
		c.Log.Level = quietLevel
	}
	return logging.New(c.Log, p.Stderr)
}

// versionText is what this build calls itself.
func (p Program) versionText() string {
	if p.Version != "" {
		return p.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
