package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func (p Program) list() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show what is in the store and what can be restored",
		Long: "Show what is in the store: timelines, the revisions that can be restored, gaps,\n" +
			"fulls and deltas. Needs the store alone, no etcd.",
		Example: "  revkeeper list --store file:///backup\n" +
			"  revkeeper list --store 's3://backups/prod?region=eu-central-1' -o json | jq '.timelines[-1].windows'",
		Args: noArgs,
	}
	flags := storeFlags(cmd)
	epoch := cmd.Flags().Int("timeline", 0, "only this timeline; 0 for all")
	deltas := cmd.Flags().Bool("deltas", false, "each delta rather than a summary")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := p.loadStore(flags, output)
		if err != nil {
			return err
		}
		bucket, err := wiring.InitializeStore(cmd.Context(), c.Store, p.quietLog(c))
		if err != nil {
			return err
		}
		catalogue, err := bucket.Archive.Catalogue(cmd.Context())
		if err != nil {
			return err
		}
		if catalogue, err = only(catalogue, *epoch); err != nil {
			return err
		}
		if output.json() {
			return render.JSON(p.Stdout, httpapi.Catalogue(catalogue, *deltas))
		}
		return render.Catalogue(p.Stdout, catalogue, bucket.Store.Capabilities().Location, *deltas)
	}
	return cmd
}

// only leaves one timeline of a catalogue; epoch 0 means all.
func only(c timeline.Catalogue, epoch int) (timeline.Catalogue, error) {
	if epoch == 0 {
		return c, nil
	}
	h := c.Find(epoch)
	if h == nil {
		return c, fault.New(fault.NotFound, "list", fmt.Sprintf("timeline %d", epoch), "there is no such timeline").
			WithRemedy("without --timeline all are shown")
	}
	c.Timelines = []timeline.History{*h}
	return c, nil
}
