package health

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Objective is how far the store may be behind the cluster: the recovery point
// objective.
type Objective struct {
	// Age bounds the time since everything the cluster had was known to be in the
	// store; 0 for no bound.
	Age time.Duration `yaml:"age"`
	// Revisions bounds how many the store lacks; 0 for no bound.
	Revisions int64 `yaml:"revisions"`
}

// Validate returns what is wrong, keys relative to the owner's section.
func (o Objective) Validate() []fault.Problem {
	var ps []fault.Problem
	if o.Age < 0 {
		ps = append(ps, fault.Problem{Key: "age", Value: o.Age.String(), Detail: "must not be negative", Remedy: "a duration, as in 5m, or 0 for no bound"})
	}
	if o.Revisions < 0 {
		ps = append(ps, fault.Problem{Key: "revisions", Value: fmt.Sprint(o.Revisions), Detail: "must not be negative", Remedy: "a number of revisions, or 0 for no bound"})
	}
	return ps
}

// Freshness is whether a backup meets its objective, and why.
type Freshness struct {
	Fresh  bool
	Behind time.Duration // since everything was known to be stored; 0 if never
	Lag    int64         // revisions
	Reason string
}

// Judge says whether a backup meets the objective at now. A backup of which
// nothing can be restored never does, nor one that never caught up.
func (o Objective) Judge(b Backup, now time.Time) Freshness {
	f := Freshness{Lag: b.Lag()}
	if !b.CaughtUpAt.IsZero() {
		f.Behind = max(0, now.Sub(b.CaughtUpAt))
	}
	switch {
	case len(b.Windows) == 0:
		f.Reason = "nothing in the store can be restored, as far as is known here"
	case o.Age > 0 && b.CaughtUpAt.IsZero():
		f.Reason = "the store was not yet seen to hold everything the cluster has"
	case o.Age > 0 && f.Behind > o.Age:
		f.Reason = fmt.Sprintf("what the cluster wrote in the last %s may not be in the store; the objective is %s", f.Behind.Round(time.Second), o.Age)
	case o.Revisions > 0 && f.Lag > o.Revisions:
		f.Reason = fmt.Sprintf("the store lacks %d revisions; the objective is %d", f.Lag, o.Revisions)
	default:
		f.Fresh, f.Reason = true, fmt.Sprintf("durable up to revision %d, %d behind", b.Durable, f.Lag)
	}
	return f
}
