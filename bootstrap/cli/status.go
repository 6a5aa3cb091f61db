package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// statusFlags say which sidecar is asked, and how.
type statusFlags struct {
	address string
	peers   client.Config
	timeout time.Duration
}

func (p Program) status() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show every member and whether all is well",
		Long: "Ask a sidecar, any of them, how every member of its cluster is: role, heartbeat,\n" +
			"how far the backup is, health and version. LAG is how many revisions the store lacks;\n" +
			"only the leader's sidecar says so, since it uploads. Exits with 7 if all is not well.",
		Example: "  revkeeper status\n" +
			"  revkeeper status --address https://10.0.0.1:8380 --ca ca.pem --token-file token -o json | jq .reasons",
		Args: noArgs,
	}
	f := &statusFlags{}
	f.register(cmd.Flags())
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := append(output.problems(), f.problems()...).OrNil(); err != nil {
			return err
		}
		c, whole, err := f.ask(cmd.Context())
		if err != nil {
			return err
		}
		if output.json() {
			err = render.JSON(p.Stdout, c)
		} else {
			err = render.Status(p.Stdout, c, whole)
		}
		if err != nil || c.Healthy {
			return err
		}
		return fault.New(fault.Unavailable, "the cluster is not healthy", "", strings.Join(c.Reasons, "; "))
	}
	return cmd
}

// register adds the flags.
func (f *statusFlags) register(flags *pflag.FlagSet) { f.registerFor(flags, 10*time.Second) }

// registerFor is register for an answer that usually takes less than within.
func (f *statusFlags) registerFor(flags *pflag.FlagSet, within time.Duration) {
	flags.StringVar(&f.address, "address", "http://"+httpapi.DefaultListen, "base URL of the sidecar that is asked")
	flags.StringVar(&f.peers.TokenFile, "token-file", "", "file that holds the sidecar's token; empty: it wants none")
	flags.StringVar(&f.peers.CA, "ca", "", "PEM file of the authorities of its certificate; default: the system's")
	flags.StringVar(&f.peers.Cert, "cert", "", "PEM file of the certificate to show it")
	flags.StringVar(&f.peers.Key, "key", "", "PEM file of its key")
	flags.DurationVar(&f.timeout, "timeout", within, "how long it may take to answer")
}

func (f *statusFlags) problems() fault.Problems {
	var ps fault.Problems
	if _, err := client.Base(f.address); err != nil {
		ps = append(ps, fault.Problem{Key: "--address", Detail: "is not the base URL of a sidecar", Remedy: "a URL like http://" + httpapi.DefaultListen})
	}
	if (f.peers.Cert == "") != (f.peers.Key == "") {
		ps = append(ps, fault.Problem{Key: "--cert", Value: f.peers.Cert, Detail: "a certificate and its key come together", Remedy: "give both --cert and --key, or neither"})
	}
	if f.timeout <= 0 {
		ps = append(ps, fault.Problem{Key: "--timeout", Value: f.timeout.String(), Detail: "must be positive", Remedy: "a duration, as in 10s"})
	}
	return ps
}

// ask returns all members; or the one beside the sidecar, with the reason, where
// the others cannot be had. whole says which.
func (f *statusFlags) ask(ctx context.Context) (c openapi.Cluster, whole bool, err error) {
	sidecar := client.New(f.peers)
	defer sidecar.Close()
	members, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	c, err = sidecar.Members(members, f.address)
	switch {
	case err == nil:
		return c, true, nil
	case errors.Is(err, fault.Unauthorized):
		return c, false, refused("ask for the members", err)
	case errors.Is(err, fault.Invalid):
		return c, false, err
	}
	own, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	s, failed := sidecar.Status(own, f.address)
	if failed != nil {
		return c, false, err
	}
	return alone(s, err), false, nil
}

// refused says what to give a sidecar that refuses.
func refused(op string, err error) error {
	return &fault.Error{Kind: fault.Unauthorized, Op: op, Err: err,
		Remedy: "name the token with --token-file; over TLS the sidecar's authority with --ca, and a certificate with --cert and --key"}
}

// alone is a cluster of which only the sidecar that was asked is known.
func alone(s openapi.Status, why error) openapi.Cluster {
	var f *fault.Error
	if errors.As(why, &f) {
		bare := *f
		bare.Remedy = ""
		why = &bare
	}
	return openapi.Cluster{
		ClusterID: s.Member.ClusterID,
		Reasons:   []string{"the other members cannot be had: " + why.Error()},
		Ignored:   []string{},
		Members: []openapi.ClusterMember{{
			Name: s.Name, MemberID: s.Member.MemberID, Learner: s.Member.Learner, Own: true,
			Healthy: s.Role != openapi.RoleUnknown, Reason: s.Reason, Sidecar: httpapi.SummaryOf(s),
		}},
	}
}
