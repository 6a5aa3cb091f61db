package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func (p Program) timeline() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "timeline",
		Short: "Decide about a timeline: acknowledge or retire it",
		Long: "Decide about a timeline of the store. What is decided is kept in the store and holds for\n" +
			"every sidecar and command.",
		Example: "  revkeeper timeline ack 3 --store file:///backup",
		Args:    noCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.mark("ack", snapshot.Acknowledged, "Say that a timeline is meant to be there",
		"Say that a timeline is meant to be there, though it is of another cluster, begins below\n"+
			"the one before it, or holds far less. Until then retention deletes nothing. It holds for\n"+
			"every timeline before it as well."),
		p.mark("retire", snapshot.Retired, "Say that a superseded timeline is not needed any more",
			"Say that a superseded timeline is not needed any more. The next run of retention deletes\n"+
				"all of it. The newest timeline cannot be retired, nor one in which a revision is pinned."))
	return cmd
}

func (p Program) mark(name string, mark snapshot.Mark, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " TIMELINE", Short: short, Long: long + " Needs the store alone, no etcd.",
		Example: fmt.Sprintf("  revkeeper timeline %s 3 --store file:///backup --note 'restored on Monday'", name),
		Args:    oneArg("the number of a timeline; `revkeeper list` shows them all"),
	}
	flags := storeFlags(cmd)
	note := cmd.Flags().String("note", "", "why, for people")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		epoch, err := strconv.Atoi(args[0])
		wrong := noteProblems(*note)
		if err != nil || epoch < 1 {
			wrong = append(wrong, fault.Problem{Key: "TIMELINE", Value: args[0], Detail: "is not the number of a timeline", Remedy: "one that `revkeeper list` shows"})
		}
		bucket, err := p.bucket(cmd, flags, wrong...)
		if err != nil {
			return err
		}
		return p.marked(cmd.Context(), bucket, epoch, mark, *note)
	}
	return cmd
}

func (p Program) marked(ctx context.Context, b *wiring.Bucket, epoch int, mark snapshot.Mark, note string) error {
	c, err := b.Own.Catalogue(ctx)
	if err != nil {
		return err
	}
	if err := mayMark(c, epoch, mark); err != nil {
		return err
	}
	if err := b.Keeper.Note(ctx, snapshot.Ref{Kind: snapshot.KindMark, Epoch: epoch, ID: string(mark)}, p.noteOf(note)); err != nil {
		return err
	}
	return render.Line(p.Stdout, "timeline %d is %s", epoch, mark)
}

// mayMark refuses what would take the only backups away.
func mayMark(c timeline.Catalogue, epoch int, mark snapshot.Mark) error {
	h := c.Find(epoch)
	object := fmt.Sprintf("timeline %d", epoch)
	switch {
	case h == nil:
		return fault.New(fault.NotFound, "mark", object, "there is no such timeline").WithRemedy("`revkeeper list` shows them all")
	case mark != snapshot.Retired:
		return nil
	case epoch == c.Newest().Epoch:
		return fault.New(fault.Conflict, "retire", object, "it is the newest: everything that is backed up now is in it").
			WithRemedy("retire one that another follows")
	case len(h.Pins) > 0:
		var pinned []string
		for _, pin := range h.Pins {
			pinned = append(pinned, fmt.Sprint(pin.Last))
		}
		return fault.New(fault.Conflict, "retire", object, "pinned in it: "+strings.Join(slices.Compact(pinned), ", ")).
			WithRemedy("unpin what is not needed any more first")
	}
	return nil
}
