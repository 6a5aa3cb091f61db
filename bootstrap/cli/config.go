package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
)

func (p Program) config() *cobra.Command {
	cmd := &cobra.Command{
		Use:                        "config",
		Short:                      "Check or show the configuration",
		Long:                       "Check or show the configuration that `revkeeper run` would work with.",
		Example:                    "  revkeeper config show > revkeeper.yaml",
		Args:                       noCommand,
		SuggestionsMinimumDistance: nearCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.configCheck(), p.configShow())
	return cmd
}

func (p Program) configCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report everything that is wrong with the configuration",
		Long: "Report everything that is wrong with the configuration `revkeeper run` would work\n" +
			"with, all at once, or where each setting came from. Contacts nobody.",
		Example: "  revkeeper config check --config revkeeper.yaml",
		Args:    noArgs,
	}
	flags := config.Register(cmd.Flags(), config.Everything)
	cmd.RunE = func(*cobra.Command, []string) error {
		c, err := p.load(flags, config.Everything)
		if err != nil {
			return err
		}
		return render.Settings(p.Stdout, c.Given())
	}
	return cmd
}

func (p Program) configShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the whole configuration as a file that would give it",
		Long: "Print the configuration that `revkeeper run` would work with, as the YAML file that\n" +
			"would give it. It is printed even where something is wrong with it. Nothing in it\n" +
			"is a secret.",
		Example: "  revkeeper config show --endpoint http://127.0.0.1:2379 --store file:///backup > revkeeper.yaml",
		Args:    noArgs,
	}
	flags := config.Register(cmd.Flags(), config.Everything)
	cmd.RunE = func(*cobra.Command, []string) error {
		c, wrong := p.load(flags, config.Everything)
		text, err := c.YAML()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(p.Stdout, text); err != nil {
			return err
		}
		return wrong
	}
	return cmd
}
