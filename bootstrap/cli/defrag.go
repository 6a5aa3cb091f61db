package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// defragFlags say whom a run is about.
type defragFlags struct {
	statusFlags
	dryRun, explain, all bool
	member               string
}

func (p Program) defrag() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "defrag",
		Short: "Defragment the members, one by one, the leader last",
		Long: "Ask a sidecar, any of them, for a run: the leader's sidecar defragments each member\n" +
			"for which it is worth it, one by one, and waits until the cluster is well before the\n" +
			"next. The leader comes last; where its stall would be long, the lead is moved first.\n" +
			"Follows the run to its end; Ctrl-C ends the following, not the run. Exits with 7 if\n" +
			"the run was refused or stopped.",
		Example: "  revkeeper defrag --explain\n" +
			"  revkeeper defrag --address https://10.0.0.1:8380 --ca ca.pem --token-file token\n" +
			"  revkeeper defrag --member 8e9e05c52164694d --all -o json",
		Args: noArgs,
	}
	f := &defragFlags{}
	flags := cmd.Flags()
	f.register(flags)
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what a run would do now, and why; do nothing")
	flags.BoolVar(&f.explain, "explain", false, "as --dry-run, with each member's sizes and how long its stall is expected to be, and by what")
	flags.BoolVar(&f.all, "all", false, "take members that the rule would leave alone, too")
	flags.StringVar(&f.member, "member", "", "only this member, its id as etcd prints it")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := append(output.problems(), f.problems()...).OrNil(); err != nil {
			return err
		}
		sidecar := client.New(f.peers)
		defer sidecar.Close()
		run, err := f.begin(cmd.Context(), sidecar)
		if err != nil {
			return err
		}
		runs := []openapi.Defragmentation{run}
		if run.Outcome == openapi.DefragmentationOutcomeRunning {
			follower := &follower{ask: f.asking(sidecar), say: func(string) {}}
			if !output.json() {
				follower.say = func(line string) { _, _ = fmt.Fprintln(p.Stderr, line) }
			}
			runs, err = follower.follow(cmd.Context(), run)
		}
		if shown := p.showRuns(runs, output.json(), f.explain); shown != nil {
			return shown
		}
		if err != nil {
			return err
		}
		return endOf(runs[len(runs)-1])
	}
	return cmd
}

func (f *defragFlags) problems() fault.Problems {
	ps := f.statusFlags.problems()
	if id, err := strconv.ParseUint(f.member, 16, 64); f.member != "" && (err != nil || id == 0) {
		ps = append(ps, fault.Problem{Key: "--member", Value: f.member, Detail: "is not the id of a member", Remedy: "hexadecimal, as `revkeeper status` shows it"})
	}
	return ps
}

// begin has a run begun, or planned.
func (f *defragFlags) begin(ctx context.Context, sidecar *client.Client) (openapi.Defragmentation, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	run, err := sidecar.Defragment(ctx, f.address, f.dryRun || f.explain, f.all, f.member)
	if errors.Is(err, fault.Unauthorized) {
		err = refused("ask for a run", err)
	}
	return run, err
}

func (f *defragFlags) asking(sidecar *client.Client) func(context.Context) ([]openapi.Defragmentation, error) {
	return func(ctx context.Context) ([]openapi.Defragmentation, error) {
		ctx, cancel := context.WithTimeout(ctx, f.timeout)
		defer cancel()
		all, err := sidecar.Defragmentations(ctx, f.address)
		return all.Runs, err
	}
}

// showRuns prints runs in the order in which they were; those of one command are
// one, and the one that it was handed over to.
func (p Program) showRuns(runs []openapi.Defragmentation, asJSON, explain bool) error {
	if !asJSON {
		return render.Defragmentations(p.Stdout, runs, explain)
	}
	newest := slices.Clone(runs)
	slices.Reverse(newest)
	return render.JSON(p.Stdout, openapi.Defragmentations{Runs: newest})
}

// endOf is the error of a run that did not do what was asked.
func endOf(r openapi.Defragmentation) error {
	switch r.Outcome {
	case openapi.DefragmentationOutcomeRefused, openapi.DefragmentationOutcomeStopped:
		return fault.New(fault.Unavailable, "the run was "+string(r.Outcome), r.Id, r.Reason)
	}
	return nil
}

const (
	followInterval = 500 * time.Millisecond
	// followPatience is how long a run that is followed may not be seen: after the
	// lead moved, until the next sidecar leads.
	followPatience = time.Minute
)

// follower follows a run to its end, and on beside the next leader.
type follower struct {
	ask func(context.Context) ([]openapi.Defragmentation, error)
	say func(line string)

	said map[string]openapi.DefragmentedMemberStage // by run and member
}

// follow returns the run and, after it, the one that it was handed over to. With
// an error it returns what was seen last.
func (f *follower) follow(ctx context.Context, begun openapi.Defragmentation) ([]openapi.Defragmentation, error) {
	f.said = map[string]openapi.DefragmentedMemberStage{}
	seen, last := []openapi.Defragmentation{begun}, time.Now()
	for {
		timer := time.NewTimer(followInterval)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return seen, ctx.Err()
		}
		found, err := f.ask(ctx)
		for _, r := range slices.Backward(found) {
			switch current := &seen[len(seen)-1]; {
			case r.Id == current.Id:
				*current = r
			case r.Continues == current.Id:
				current.Outcome = openapi.DefragmentationOutcomeHandedOver
				seen = append(seen, r)
			default:
				continue
			}
			if f.tell(r); r.Outcome == openapi.DefragmentationOutcomeRunning {
				last = time.Now()
			}
		}
		switch outcome := seen[len(seen)-1].Outcome; {
		case outcome != openapi.DefragmentationOutcomeRunning && outcome != openapi.DefragmentationOutcomeHandedOver:
			return seen, nil
		case time.Since(last) <= followPatience && (err == nil || errors.Is(err, fault.Unavailable)):
		case err != nil:
			return seen, err
		default:
			return seen, fault.New(fault.Unavailable, "follow run", begun.Id, "nobody tells of it any more: the lead changed").
				WithRemedy("`revkeeper defrag --dry-run` shows what is left; the next run does it")
		}
	}
}

// tell says what became of members since it was last said.
func (f *follower) tell(r openapi.Defragmentation) {
	for _, m := range r.Members {
		key := r.Id + m.MemberID
		if f.said[key] == m.Stage {
			continue
		}
		f.said[key] = m.Stage
		if line := render.DefragmentedMember(m); line != "" {
			f.say(line)
		}
	}
}
