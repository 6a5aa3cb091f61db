package defrag

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Outcome is how a run is, or ended.
type Outcome string

// The outcomes.
const (
	Planned    Outcome = "planned"     // a dry run: nothing is done
	Running    Outcome = "running"     //
	Done       Outcome = "done"        // whoever was to be defragmented is
	HandedOver Outcome = "handed over" // the lead was moved, and its new sidecar does the rest
	Refused    Outcome = "refused"     // no member was touched
	Stopped    Outcome = "stopped"     // it ended before its time; what is left stays as it is
)

// Outcomes lists every outcome, for tables that must be complete.
func Outcomes() []Outcome { return []Outcome{Planned, Running, Done, HandedOver, Refused, Stopped} }

// Ended reports whether nothing more comes.
func (o Outcome) Ended() bool { return o != Running }

// Stage is how far one member is within a run.
type Stage string

// The stages.
const (
	Waits   Stage = "waits"
	Busy    Stage = "busy" // it is being defragmented
	Dense   Stage = "defragmented"
	Left    Stage = "left alone"
	Failed  Stage = "failed"
	LeadWas Stage = "lead moved" // the lead went away from it; it is left to the new leader
)

// Stages lists every stage, for tables that must be complete.
func Stages() []Stage { return []Stage{Waits, Busy, Dense, Left, Failed, LeadWas} }

// Result is what became of one member.
type Result struct {
	Member cluster.Member
	Leads  bool
	Stage  Stage
	Reason string
	// Expected is the stall that was expected, and Basis by what.
	Expected time.Duration
	Basis    string
	Before   Size
	After    Size // zero until it is done
	Began    time.Time
	Stall    time.Duration // how long it answered nothing; zero until it is done
}

// Size is a database's, in bytes.
type Size struct{ DB, InUse, Quota int64 }

// SizeOf is the size that a member says.
func SizeOf(s cluster.Status) Size { return Size{DB: s.DBSize, InUse: s.DBInUse, Quota: s.DBQuota} }

// Freed returns the bytes that were given back to the disk, 0 while that is not
// known.
func (r Result) Freed() int64 {
	if r.Stage != Dense || r.After.DB == 0 {
		return 0
	}
	return r.Before.DB - r.After.DB
}

// Run is one run, or the plan of one.
type Run struct {
	ID        string
	Continues string // the run that was handed over to this one
	Trigger   string // why it began
	Outcome   Outcome
	Reason    string // of the outcome
	Began     time.Time
	Ended     time.Time
	Results   []Result // in the order of the plan
	Alarms    []string // what was done about NOSPACE, and why
}

// Overview is what one process did and will do.
type Overview struct {
	Runs   []Run     // newest first
	Next   time.Time // of the schedule, for whoever leads then; zero for none
	Window string    // empty: always
}

// Freed returns how many bytes the run gave back.
func (r Run) Freed() (n int64) {
	for _, x := range r.Results {
		n += x.Freed()
	}
	return n
}

// Follow brings the results up to a plan: who is new is added, and who was
// neither done nor failed is what the plan says of it now.
func (r Run) Follow(p Plan) Run {
	var out []Result
	for _, old := range r.Results {
		if old.Stage == Dense || old.Stage == Failed || old.Stage == LeadWas {
			out = append(out, old)
		}
	}
	for _, s := range p.Steps {
		if _, kept := find(out, s.Member.Member.ID); kept {
			continue
		}
		stage := Waits
		if s.Skip {
			stage = Left
		}
		out = append(out, Result{Member: s.Member.Member, Leads: s.Leads, Stage: stage, Reason: s.Reason,
			Expected: s.Stall, Basis: s.Basis, Before: SizeOf(s.Member.Status)})
	}
	r.Results = out
	return r
}

func find(rs []Result, id cluster.ID) (int, bool) {
	for i, x := range rs {
		if x.Member.ID == id {
			return i, true
		}
	}
	return 0, false
}

// With returns the run with a member's result changed. The run it was made from
// stays as it is.
func (r Run) With(id cluster.ID, change func(*Result)) Run {
	r.Results = append([]Result(nil), r.Results...)
	if i, ok := find(r.Results, id); ok {
		change(&r.Results[i])
	}
	return r
}

// End returns the run as it ended: who still waited is left alone.
func (r Run) End(outcome Outcome, reason string, at time.Time) Run {
	r.Outcome, r.Reason, r.Ended = outcome, reason, at
	r.Results = append([]Result(nil), r.Results...)
	for i := range r.Results {
		if r.Results[i].Stage == Waits {
			r.Results[i].Stage = Left
		}
	}
	return r
}

// Summary is a run that has ended in one sentence.
func (r Run) Summary() string {
	n := 0
	for _, x := range r.Results {
		if x.Stage == Dense {
			n++
		}
	}
	return fmt.Sprintf("%s: %d of %d members defragmented, %.1f MiB given back; %s",
		r.Outcome, n, len(r.Results), float64(r.Freed())/(1<<20), r.Reason)
}
