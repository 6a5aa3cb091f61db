package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/restore"
)

// toStdout is the name of a plan that is printed.
const toStdout = "-"

// planFlags is what `restore plan` is told: what is restored, and as which
// cluster. Where each member's directory is, is the member's own affair.
type planFlags struct {
	pointFlags
	bumpFlags
	contentFlags
	initialCluster string
	token          string
}

func (f *planFlags) register(fs *pflag.FlagSet) {
	f.pointFlags.register(fs)
	f.bumpFlags.register(fs)
	f.contentFlags.register(fs)
	fs.StringVar(&f.initialCluster, "initial-cluster", "", "members of the restored cluster, as name=peerURL,…")
	fs.StringVar(&f.token, "initial-cluster-token", "", "token of the restored cluster; default: a fresh one")
}

func (f *planFlags) request(now time.Time) (restore.Request, []fault.Problem) {
	r := flagReader{}
	var req restore.Request
	f.pointFlags.read(&r, &req, now)
	f.bumpFlags.read(&r, &req)
	f.contentFlags.read(&r, &req)
	if f.initialCluster == "" {
		r.add("--initial-cluster", "", "is needed", "all members of the restored cluster, as in m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380")
	} else {
		req.Identity.InitialCluster = r.cluster(f.initialCluster)
	}
	if req.Identity.ClusterToken = f.token; f.token == "" {
		req.Identity.ClusterToken = freshToken()
	}
	return req, r.problems
}

func (p Program) restorePlan() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan FILE --initial-cluster m1=URL,m2=URL --to-revision R|latest | --to-time T | --before-delete KEY",
		Short: "Write the plan by which several members are restored alike",
		Long: "Write a plan that says everything in which the members of a restored cluster must not\n" +
			"differ: the revision, the objects and their digests, the revision to continue from, the\n" +
			"cluster's token and its members. Each member carries it out by `revkeeper restore apply`,\n" +
			"which does exactly that or nothing.\n\n" +
			"FILE must not exist; - prints the plan. Nothing is restored.",
		Example: "  revkeeper restore plan plan.json --store file:///backup --to-time 14:03 --initial-cluster m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380",
		Args:    oneFile,
	}
	flags := storeFlags(cmd)
	var file snapshotFlags
	file.register(cmd)
	f := &planFlags{}
	f.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		req, wrong := f.request(time.Now())
		c, err := p.loadStore(flags, tableOnly(), append(wrong, file.set(cmd)...)...)
		if err != nil {
			return err
		}
		if err := req.Check(); err != nil { // before anything is read
			return err
		}
		bucket, err := wiring.InitializeStore(cmd.Context(), c.Store, p.quietLog(c))
		if err != nil {
			return err
		}
		if err := f.target.resolve(cmd.Context(), bucket.Restorer, &req); err != nil {
			return err
		}
		plan, err := bucket.Restorer.MakePlan(cmd.Context(), req, p.versionText())
		if err != nil {
			return err
		}
		if args[0] == toStdout {
			return render.JSON(p.Stdout, plan)
		}
		if err := writePlan(args[0], plan); err != nil {
			return err
		}
		return render.PlanFile(p.Stdout, args[0], file.source(), plan)
	}
	return cmd
}

func (p Program) restoreApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply FILE --name MEMBER",
		Short: "Restore one member as a plan says, exactly or not at all",
		Long: "Make the data directory of one member as a plan of `revkeeper restore plan` says. A plan\n" +
			"that was changed, that does not name the member, or whose objects are not what the store\n" +
			"has, is refused; nothing is planned around. Name and peer URLs are the plan's, and etcd\n" +
			"is started with them.",
		Example: "  revkeeper restore apply plan.json --store file:///backup --name m1 --data-dir /var/lib/etcd",
		Args:    oneFile,
	}
	flags := storeFlags(cmd)
	var file snapshotFlags
	file.register(cmd)
	var place placeFlags
	place.register(cmd.Flags())
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r := flagReader{}
		place.read(&r)
		c, err := p.loadStore(flags, output, append(r.problems, file.set(cmd)...)...)
		if err != nil {
			return err
		}
		plan, err := readPlan(args[0])
		if err != nil {
			return err
		}
		render.Suspicion(p.Stderr, plan)
		carry := restore.Carry{Plan: plan, Name: place.name, Dir: place.dir, SkipProof: place.skipProof, SkipSpaceCheck: place.skipSpaceCheck}
		req, err := carry.Request()
		if err != nil {
			return err
		}
		bucket, err := wiring.InitializeStore(cmd.Context(), c.Store, p.quietLog(c))
		if err != nil {
			return err
		}
		return p.carryOut(req, output, func(progress restore.Progress) (restore.Result, error) {
			return bucket.Restorer.Apply(cmd.Context(), carry, progress)
		})
	}
	return cmd
}

// oneFile wants the name of a plan and nothing more.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return fault.New(fault.Invalid, "read arguments", cmd.CommandPath(), fmt.Sprintf("one file is wanted, %d are named", len(args))).
		WithRemedy("as in " + cmd.CommandPath() + " plan.json")
}

// writePlan makes a new file; there is none if it fails.
func writePlan(path string, plan rule.PlanFile) error {
	const op = "write plan"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, op, path, "there is such a file").WithRemedy("name another, or remove it")
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, op, path, err)
	}
	if err = errors.Join(render.JSON(f, plan), f.Sync(), f.Close()); err != nil {
		return fault.Wrap(fault.Unavailable, op, path, errors.Join(err, os.Remove(path)))
	}
	return nil
}

// maxPlan bounds what is taken for a plan, in bytes: some hundred thousand deltas.
const maxPlan = 64 << 20

func readPlan(path string) (rule.PlanFile, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return rule.PlanFile{}, fault.New(fault.NotFound, "read plan", path, "no such file").WithRemedy("name the file that `revkeeper restore plan` wrote")
	}
	if err != nil {
		return rule.PlanFile{}, fault.Wrap(fault.Invalid, "read plan", path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPlan))
	if err != nil {
		return rule.PlanFile{}, fault.Wrap(fault.Unavailable, "read plan", path, err)
	}
	plan, err := rule.ParsePlan(text)
	var wrong *fault.Error
	if errors.As(err, &wrong) {
		wrong.Object = path
	}
	return plan, err
}
