package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func (p Program) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this build",
		Long:    "Print the version of this build, and of the bucket format that it reads and writes.",
		Example: "  revkeeper version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.Stdout, p.versionLine())
			return err
		},
	}
}

func (p Program) versionLine() string {
	return fmt.Sprintf("revkeeper %s (bucket format %d, %s, %s/%s)", p.versionText(), snapshot.FormatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
