package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// longestNote bounds what a person writes beside a pin or mark, in bytes.
const longestNote = 1000

func (p Program) pin() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pin REVISION|latest",
		Short: "Have a revision stay restorable until it is unpinned",
		Long: "Have a revision stay restorable, whatever the retention rule says, until it is unpinned.\n" +
			"Needs the store alone, no etcd. The revision must be restorable now. One that is pinned\n" +
			"already stays so, by the same pin.",
		Example: "  revkeeper pin 48211 --store file:///backup --note 'before the upgrade'\n" +
			"  revkeeper pin latest --store 's3://backups/prod?region=eu-central-1'",
		Args: oneArg("a revision, or " + latest),
	}
	flags := storeFlags(cmd)
	epoch := cmd.Flags().Int("timeline", 0, "timeline of the revision; 0 for the newest that has it")
	note := cmd.Flags().String("note", "", "why, for people")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := flagReader{}
		target := r.revision(args[0])
		bucket, err := p.bucket(cmd, flags, append(renamed(r.problems, "REVISION"), noteProblems(*note)...)...)
		if err != nil {
			return err
		}
		return p.pinned(cmd.Context(), bucket, *epoch, target, *note)
	}
	return cmd
}

// pinned pins and looks again: a run that was under way may not have seen the pin.
func (p Program) pinned(ctx context.Context, b *wiring.Bucket, epoch int, target int64, note string) error {
	c, err := b.Own.Catalogue(ctx)
	if err != nil {
		return err
	}
	h, rev, err := chain.LocateSuspect(&c, epoch, target) // to keep is not to restore
	if err != nil {
		return err
	}
	if _, err := chain.Plan(h, rev, nil); err != nil {
		return err
	}
	if h.Marked(snapshot.Retired) {
		return fault.New(fault.Conflict, "pin", fmt.Sprintf("timeline %d", h.Epoch), "it is retired, so everything in it goes").
			WithRemedy("pin a revision of another timeline")
	}
	if i := slices.IndexFunc(h.Pins, func(p snapshot.Ref) bool { return p.Last == rev }); i >= 0 {
		return render.Line(p.Stdout, "revision %d of timeline %d is pinned already: %s%s", rev, h.Epoch, h.Pins[i].Key(), unkept(note))
	}
	pin := snapshot.Ref{Kind: snapshot.KindPin, Epoch: h.Epoch, Last: rev, At: time.Now().UTC().Truncate(time.Millisecond)}
	if err := b.Keeper.Note(ctx, pin, p.noteOf(note)); err != nil {
		return err
	}
	if c, err = b.Own.Catalogue(ctx); err != nil {
		return err
	}
	if h = c.Find(pin.Epoch); h == nil {
		h = &timeline.History{}
	}
	if _, err := chain.Plan(h, rev, nil); err != nil {
		return &fault.Error{Kind: fault.NotFound, Op: "pin", Object: fmt.Sprintf("revision %d", rev), Err: err,
			Remedy: "a run of retention took it away meanwhile; unpin it, since a pin without a way to it stops retention"}
	}
	return render.Line(p.Stdout, "revision %d of timeline %d is pinned: %s", rev, pin.Epoch, pin.Key())
}

// unkept says what became of a note beside a pin that is there already.
func unkept(note string) string {
	if note == "" {
		return ""
	}
	return "; its note stays as it is: unpin it first to give it another"
}

func (p Program) unpin() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unpin REVISION",
		Short:   "Let retention decide about a revision again",
		Long:    "Take away every pin of a revision. Needs the store alone, no etcd.",
		Example: "  revkeeper unpin 48211 --store file:///backup",
		Args:    oneArg("a revision; `revkeeper list` shows those that are pinned"),
	}
	flags := storeFlags(cmd)
	epoch := cmd.Flags().Int("timeline", 0, "timeline of the revision; 0 for all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		rev, err := strconv.ParseInt(args[0], 10, 64)
		var wrong []fault.Problem
		if err != nil || rev < 1 {
			wrong = append(wrong, fault.Problem{Key: "REVISION", Value: args[0], Detail: "is not a revision", Remedy: "one that `revkeeper list` shows as pinned"})
		}
		bucket, err := p.bucket(cmd, flags, wrong...)
		if err != nil {
			return err
		}
		c, err := bucket.Own.Catalogue(cmd.Context())
		if err != nil {
			return err
		}
		pins := pinsOf(c, *epoch, rev)
		if len(pins) == 0 {
			return fault.New(fault.NotFound, "unpin", args[0], "no such revision is pinned").WithRemedy("`revkeeper list` shows those that are")
		}
		for _, err := range bucket.Keeper.Delete(cmd.Context(), pins) {
			if err != nil {
				return err
			}
		}
		return render.Line(p.Stdout, "revision %d is not pinned any more", rev)
	}
	return cmd
}

func pinsOf(c timeline.Catalogue, epoch int, rev int64) []snapshot.Ref {
	var out []snapshot.Ref
	for _, h := range c.Timelines {
		for _, pin := range h.Pins {
			if pin.Last == rev && (epoch == 0 || h.Epoch == epoch) {
				out = append(out, pin)
			}
		}
	}
	return out
}

// bucket reads the settings of a command that changes the store and opens it.
func (p Program) bucket(cmd *cobra.Command, flags *config.Flags, wrong ...fault.Problem) (*wiring.Bucket, error) {
	c, err := p.loadStore(flags, tableOnly(), wrong...)
	if err != nil {
		return nil, err
	}
	return wiring.InitializeStore(cmd.Context(), c.Store, p.quietLog(c))
}

func (p Program) noteOf(text string) snapshot.Note {
	return snapshot.Note{Note: text, At: time.Now().UTC().Truncate(time.Millisecond), Version: p.versionText()}
}

func noteProblems(note string) []fault.Problem {
	if len(note) <= longestNote {
		return nil
	}
	return []fault.Problem{{Key: "--note", Detail: "is too long", Remedy: fmt.Sprintf("at most %d bytes", longestNote)}}
}

// renamed gives problems the name of an argument.
func renamed(ps []fault.Problem, key string) []fault.Problem {
	for i := range ps {
		ps[i].Key = key
	}
	return ps
}

// oneArg wants exactly one argument.
func oneArg(what string) cobra.PositionalArgs { return exactly(1, "one: "+what) }

// exactly wants n arguments.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return fault.New(fault.Invalid, "read arguments", cmd.CommandPath(), fmt.Sprintf("%d arguments were given", len(args))).WithRemedy("give " + what)
	}
}
