package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// output is the form in which a command prints its result.
type output struct {
	format string
	forms  []string // that the command has
}

const (
	outputTable = "table"
	outputJSON  = "json"
	outputRaw   = "raw"
)

func outputFlag(cmd *cobra.Command) *output { return formsFlag(cmd, outputTable, outputJSON) }

// rawOutputFlag is for a command whose result can also be a value's bytes.
func rawOutputFlag(cmd *cobra.Command) *output {
	return formsFlag(cmd, outputTable, outputJSON, outputRaw)
}

func formsFlag(cmd *cobra.Command, forms ...string) *output {
	o := &output{forms: forms}
	cmd.Flags().StringVarP(&o.format, "output", "o", forms[0], o.names())
	return o
}

// tableOnly is of a command that has no flag for it.
func tableOnly() *output { return &output{outputTable, []string{outputTable}} }

func (o *output) json() bool { return o.format == outputJSON }
func (o *output) raw() bool  { return o.format == outputRaw }

func (o *output) names() string {
	last := len(o.forms) - 1
	return strings.Join(o.forms[:last], ", ") + " or " + o.forms[last]
}

func (o *output) problems() fault.Problems {
	if slices.Contains(o.forms, o.format) {
		return nil
	}
	return fault.Problems{{Key: "--output", Value: o.format, Detail: "is not a form of output", Remedy: o.names()}}
}

// storeFlags adds the settings of a command that needs the store alone, and
// whose result is what it prints.
func storeFlags(cmd *cobra.Command) *config.Flags { return quietFlags(cmd, config.StoreOnly) }

// tidyFlags adds those of one that also needs to know what stays in the store.
func tidyFlags(cmd *cobra.Command) *config.Flags { return quietFlags(cmd, config.Tidying) }

func quietFlags(cmd *cobra.Command, scope config.Scope) *config.Flags {
	flags := config.Register(cmd.Flags(), scope)
	cmd.Flags().Lookup(config.FlagName(logLevel)).DefValue = quietLevel
	return flags
}

// loadStore reads the configuration of a command that needs the store alone and
// adds what is wrong with the command's own flags to what is wrong with it.
func (p Program) loadStore(flags *config.Flags, o *output, own ...fault.Problem) (config.Loaded, error) {
	return p.loadIn(config.StoreOnly, flags, o, own...)
}

// loadIn does so for one that needs more.
func (p Program) loadIn(scope config.Scope, flags *config.Flags, o *output, own ...fault.Problem) (config.Loaded, error) {
	c, err := p.load(flags, scope)
	ps := append(o.problems(), own...)
	var more fault.Problems
	switch {
	case err == nil:
	case errors.As(err, &more):
		ps = append(ps, more...)
	default:
		return c, err
	}
	return c, ps.OrNil()
}

func itoa(n int) string { return strconv.Itoa(n) }
