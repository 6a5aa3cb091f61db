package proof

import (
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// Rule says when the cluster is asked for proofs.
type Rule struct {
	// Settle is how long after a compaction was noticed its hash is asked for: by
	// then every member has carried it out and kept the hash. Before that the
	// question would cost a scan.
	Settle time.Duration
	// Again is the pause before members that did not answer, or not alike, are
	// asked again.
	Again time.Duration
	// ScanAfter is how long without any proof until a follower hashes its whole
	// database; 0 for never.
	ScanAfter time.Duration
}

// Validate returns what is wrong with the rule, keys relative to the owner's
// section.
func (r Rule) Validate() []fault.Problem {
	var ps []fault.Problem
	if r.Settle < 0 {
		ps = append(ps, fault.Problem{Key: "settle", Value: r.Settle.String(), Detail: "must not be negative", Remedy: "a duration, as in 1m"})
	}
	if r.ScanAfter != 0 && r.ScanAfter < shortestScan {
		ps = append(ps, fault.Problem{Key: "scanAfter", Value: r.ScanAfter.String(), Detail: "is too short: a scan holds up the member's writes",
			Remedy: fmt.Sprintf("at least %s, or 0 for never", shortestScan)})
	}
	return ps
}

const (
	shortestScan = 10 * time.Minute
	// Tries is how often members are compared before they are said to disagree.
	Tries = 3
	// givenUp is how long a compaction that cannot be asked about keeps newer ones
	// waiting.
	givenUp = 10 * time.Minute
	// scansApart is the pause after a scan that gave no proof.
	scansApart = 10 * time.Minute
)

// Known is what a leader goes by.
type Known struct {
	Windows []chain.Range // what the store can restore of the timeline
	Compact int64         // the newest compact revision that was noticed; 0 for none
	Noticed time.Time     // when
	Done    int64         // the compact revision that was dealt with last
	Tried   int           // how often members were asked about Compact in vain
	TriedAt time.Time     // when last
	Proven  time.Time     // when the newest proof was recorded, or the timeline began
	UpTo    int64         // the revision of the newest proof; 0 for none
	Scanned time.Time     // when a scan was asked for last
	Differ  bool          // the members disagree
}

// Notice takes over the compact revision that the backup heard of, and reports
// whether it did. One that is still to be asked about is not given up for a newer
// one: where etcd is compacted more often than members are given to settle, none
// would ever be asked about. Members keep the hashes of the last ten.
func (k *Known) Notice(compact int64, now time.Time) bool {
	pending := k.Compact > k.Done && now.Sub(k.Noticed) < givenUp
	if compact <= k.Compact || pending {
		return false
	}
	k.Compact, k.Noticed, k.Tried = compact, now, 0
	return true
}

// Act is what to ask for.
type Act string

// The acts.
const (
	Wait Act = "wait"
	// AskKept asks members for the hash that they keep of a compaction.
	AskKept Act = "ask for the hash of a compaction"
	// Scan asks one follower to hash its whole database.
	Scan Act = "scan"
)

// Step is what to do next, and why.
type Step struct {
	Act      Act
	Revision int64 // to ask about
	Reason   string
}

// Next says what to ask for now. A hash is worth asking for only at a revision
// that the store can restore: one that is about to be stored is waited for.
func (r Rule) Next(k Known, now time.Time) Step {
	wait := func(format string, args ...any) Step { return Step{Act: Wait, Reason: fmt.Sprintf(format, args...)} }
	if len(k.Windows) == 0 {
		return wait("nothing can be restored yet")
	}
	durable := k.Windows[len(k.Windows)-1].Last
	if c := k.Compact; c > k.Done {
		switch {
		case c > durable:
			return wait("compacted at %d, the store is at %d", c, durable)
		case !contained(k.Windows, c):
		case now.Sub(k.Noticed) < r.Settle:
			return wait("the compaction at %d was noticed less than %s ago", c, r.Settle)
		case k.Tried > 0 && now.Sub(k.TriedAt) < r.Again:
			return wait("asked about %d a moment ago", c)
		default:
			return Step{Act: AskKept, Revision: c, Reason: fmt.Sprintf("etcd was compacted at %d", c)}
		}
	}
	switch {
	case r.ScanAfter == 0:
		return wait("no compaction, and scans are off")
	case k.Differ:
		return wait("the members disagree: nothing is proven")
	case k.UpTo >= durable:
		return wait("the newest stored revision %d is proven", durable)
	case now.Sub(k.Proven) < r.ScanAfter:
		return wait("the newest proof is younger than %s", r.ScanAfter)
	case now.Sub(k.Scanned) < scansApart:
		return wait("the last scan gave no proof")
	}
	return Step{Act: Scan, Revision: durable, Reason: fmt.Sprintf("no proof came for %s", r.ScanAfter)}
}

func contained(windows []chain.Range, rev int64) bool {
	return slices.ContainsFunc(windows, func(w chain.Range) bool { return w.Contains(rev) })
}
