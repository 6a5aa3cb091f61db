package compact

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Full says when a full is built from the newest full and the deltas after it.
type Full struct {
	Bytes     int64         // stored bytes of the deltas above which it is due; 0 for never by size
	Revisions int64         // revisions after the full above which it is due; 0 for never by them
	TargetRTO time.Duration // estimated time of a restore above which it is due; 0 for never by time
}

// MinFullBytes is the smallest limit on the deltas: below it fulls would be built
// all the time.
const MinFullBytes = 1 << 20

// Validate returns what is wrong with the settings; the keys are those of the
// configuration file, relative to the owner's section.
func (f Full) Validate() []fault.Problem {
	var ps []fault.Problem
	if f.Bytes != 0 && f.Bytes < MinFullBytes {
		ps = append(ps, fault.Problem{Key: "full.bytes", Value: fmt.Sprint(f.Bytes), Detail: "is out of range",
			Remedy: fmt.Sprintf("0 for no limit, or at least %d", MinFullBytes)})
	}
	if f.Revisions < 0 {
		ps = append(ps, fault.Problem{Key: "full.revisions", Value: fmt.Sprint(f.Revisions), Detail: "is negative", Remedy: "0 for no limit"})
	}
	if f.TargetRTO < 0 {
		ps = append(ps, fault.Problem{Key: "full.targetRto", Value: f.TargetRTO.String(), Detail: "is negative", Remedy: "0 for no limit"})
	}
	return ps
}

// Verdict says whether a full is due, why, and how long a restore would take.
type Verdict struct {
	Due      bool
	Reason   string
	Estimate time.Duration // of a restore of the newest revision as things are
}

// Decide says whether a full is due, given the path to the newest revision.
// Where the base alone takes longer than the target, a full would not help, and
// none is due for that.
func (f Full) Decide(p chain.Path, r restore.Rates) Verdict {
	deltas := p.Bytes() - p.Base.Size
	base := r.Took(p, p.Base.Size)
	v := Verdict{Estimate: r.Took(p, p.Bytes())}
	since := p.Target - p.Base.Last
	switch {
	case len(p.Deltas) == 0:
		v.Reason = fmt.Sprintf("no delta follows the full at revision %d", p.Base.Last)
	case f.Bytes > 0 && deltas > f.Bytes:
		v.Due, v.Reason = true, fmt.Sprintf("%s of deltas follow the full at revision %d, the limit is %s", words.Size(deltas), p.Base.Last, words.Size(f.Bytes))
	case f.Revisions > 0 && since > f.Revisions:
		v.Due, v.Reason = true, fmt.Sprintf("%d revisions follow the full at revision %d, the limit is %d", since, p.Base.Last, f.Revisions)
	case f.TargetRTO > 0 && v.Estimate > f.TargetRTO && base > f.TargetRTO:
		v.Reason = fmt.Sprintf("a restore would take about %s, more than %s, but the full alone takes about %s: another would not help", v.Estimate, f.TargetRTO, base)
	case f.TargetRTO > 0 && v.Estimate > f.TargetRTO:
		v.Due, v.Reason = true, fmt.Sprintf("a restore would take about %s, %s is wanted", v.Estimate, f.TargetRTO)
	default:
		v.Reason = fmt.Sprintf("%s of deltas in %d revisions follow the full at revision %d; a restore would take about %s", words.Size(deltas), since, p.Base.Last, v.Estimate)
	}
	return v
}

// Storable returns nil if a full that was built along a path is as good as one
// that a member streamed; else Unsupported, with what is missing.
func Storable(p chain.Path, authChanged bool, proven *proof.Recorded) error {
	const remedy = "take a full from etcd: POST /v1/snapshots/full, or wait for its schedule"
	switch {
	case authChanged:
		return fault.New(fault.Unsupported, "build full", p.Base.Key(),
			"users, roles or passwords changed after it, and deltas do not carry them").WithRemedy(remedy)
	case proven == nil:
		return fault.New(fault.Unsupported, "build full", p.Base.Key(),
			fmt.Sprintf("no recorded hash at or below revision %d can be compared with the result", p.Target)).WithRemedy(remedy)
	default:
		return nil
	}
}
