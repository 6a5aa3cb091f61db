package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/words"
)

// drillTime is what a sidecar gives a drill at most, and longer than that.
const drillTime = 13 * time.Hour

func (p Program) drill() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Have what is stored rebuilt and compared now, beside a member",
		Long: "Ask a sidecar, any of them, for a drill: the leader's sidecar has the newest revision\n" +
			"rebuilt from the store beside a follower and compared with what live members hashed,\n" +
			"as it does every night by drill.schedule, and before that whatever was stored since\n" +
			"the newest verified revision, from one full to the next. Waits for what it shows,\n" +
			"which can take as long as a restore of each; Ctrl-C ends the drill.\n\n" +
			"Exits with 6 if what is stored is not what the cluster had; its timeline is then marked\n" +
			"as suspect, and a new one begins. With 5 if an object is damaged, though there was a\n" +
			"way around it; with 4 if another drill goes on; with 7 if it could not be carried out.",
		Example: "  revkeeper drill\n" +
			"  revkeeper drill --address https://10.0.0.1:8380 --ca ca.pem --token-file token -o json | jq .verdict",
		Args: noArgs,
	}
	f := &statusFlags{}
	f.registerFor(cmd.Flags(), drillTime)
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := append(output.problems(), f.problems()...).OrNil(); err != nil {
			return err
		}
		render.Waiting(p.Stderr, "the newest revision is rebuilt and compared; Ctrl-C ends that")
		d, err := f.drill(cmd.Context())
		if err != nil {
			return err
		}
		if output.json() {
			err = render.JSON(p.Stdout, d)
		} else {
			err = render.Drilled(p.Stdout, d)
		}
		if err == nil && d.Verdict == openapi.DrillVerdictSuspect {
			err = fault.New(fault.Diverged, "drill", "", "what is stored is not what the cluster had").
				WithRemedy("`revkeeper list` shows what is still good; see \"When a timeline is suspect\" in docs/operations.md")
		}
		if err == nil && d.Verdict != openapi.DrillVerdictSuspect && len(d.Rebuilt.Around) > 0 {
			err = fault.New(fault.Corrupt, "drill", "", fmt.Sprintf("%s cannot be used; what was rebuilt went around that", words.Count(len(d.Rebuilt.Around), "object", "objects"))).
				WithRemedy("`revkeeper verify --level objects` reads all of them; a new full makes up for a damaged one")
		}
		return err
	}
	return cmd
}

func (f *statusFlags) drill(ctx context.Context) (openapi.Drilled, error) {
	sidecar := client.New(f.peers)
	defer sidecar.Close()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	d, err := sidecar.DrillNow(ctx, f.address)
	if errors.Is(err, fault.Unauthorized) {
		err = refused("ask for a drill", err)
	}
	return d, err
}
