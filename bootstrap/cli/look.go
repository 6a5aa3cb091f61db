package cli

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// lookFlags say at which point of what is stored a command looks.
type lookFlags struct {
	at        string
	epoch     int
	skipProof bool
	suspect   bool
}

const (
	pointHelp   = "revision, " + latest + ", or a moment: RFC 3339, or a time of day as in 14:03, here and in the past"
	pointRemedy = "a revision, " + latest + ", or a moment as in 14:03"
)

func (f *lookFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.at, "at", latest, "point to look at: a "+pointHelp)
	f.registerWhence(fs)
}

// registerWhence adds the flags of a command that names its points as arguments.
func (f *lookFlags) registerWhence(fs *pflag.FlagSet) {
	fs.IntVar(&f.epoch, "timeline", 0, "timeline to look into; 0 for the newest that has the point")
	f.registerSuspect(fs)
	fs.BoolVar(&f.skipProof, "skip-proof", false, "do not compare with the hash that the live cluster gave")
}

func (f *lookFlags) registerSuspect(fs *pflag.FlagSet) {
	fs.BoolVar(&f.suspect, "allow-suspect", false, "look also at what failed a proof")
}

// where reads the flags.
func (f *lookFlags) where(r *flagReader, now time.Time) inspect.Where {
	f.check(r)
	return inspect.Where{Epoch: f.epoch, Point: r.point("--at", f.at, now), SkipProof: f.skipProof, Suspect: f.suspect}
}

func (f *lookFlags) check(r *flagReader) {
	r.timeline(f.epoch)
}

// point reads a revision or a moment.
func (r *flagReader) point(flag, text string, now time.Time) inspect.Point {
	if text == latest {
		return inspect.Point{Revision: chain.Latest}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 1 {
		return inspect.Point{Revision: n}
	}
	at, ok := chain.ParseMoment(text, now)
	switch {
	case !ok:
		r.add(flag, text, "is neither a revision nor a moment", pointRemedy)
	case at.After(now):
		r.add(flag, text, "lies in the future", pointRemedy)
	}
	return inspect.Point{Moment: at}
}

// limit reads how many lines are wanted.
func (r *flagReader) limit(n int) int {
	if n < 0 {
		r.add("--limit", itoa(n), "is negative", "a number, or 0 for all")
	}
	return n
}

// inspector reads the settings of a command that looks inside the store.
// What it shows of how that advances is to be ended before anything is printed.
func (p Program) inspector(cmd *cobra.Command, flags *config.Flags, o *output, wrong []fault.Problem) (*inspect.Inspector, *render.Progress, error) {
	c, err := p.loadIn(config.Verification, flags, o, wrong...)
	if err != nil {
		return nil, nil, err
	}
	i, err := wiring.InitializeInspection(cmd.Context(), c.Config, p.quietLog(c))
	if err != nil {
		return nil, nil, err
	}
	bar := render.NewPatientProgress(p.Stderr)
	return i.Telling(bar.Step), bar, nil
}

// lookHelp ends the help of the commands that rebuild a history.
const lookHelp = "Needs the store alone, no etcd, and under --spool-dir as much disk as the database,\n" +
	"which is given back."
