// Package drill holds the rules of a restore that is made only to prove that it
// works: what is rebuilt, where, what room it needs, and what it shows.
package drill

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Outcome is what a drill showed.
type Outcome struct {
	Task
	Base    string // key of the full
	Deltas  int
	Records int64         // of deltas
	Took    time.Duration // of the rebuilding alone: what a restore takes at least
	// Proof is the newest that the history agrees with, of those before Differs; nil for
	// none.
	Proof *proof.Recorded
	// Differs is the oldest that it does not agree with; nil for none.
	Differs  *proof.Recorded
	Computed uint32 // what the history hashes to where Differs was recorded
	// Around are objects that could not be used, each with the reason.
	Around []string
}

// Sound reports whether the outcome can be: what differs is newer than what agrees.
func (o Outcome) Sound() bool {
	return o.Proof == nil || o.Differs == nil || o.Proof.Revision < o.Differs.Revision
}

// With returns an outcome that another confirmed, with the lower of what both agree
// with: further up one of them is wrong.
func (o Outcome) With(other Outcome) Outcome {
	if o.Proof != nil && (other.Proof == nil || other.Proof.Revision < o.Proof.Revision) {
		o.Proof = other.Proof
	}
	return o
}

// Good returns the revision up to which a history that differs is still what the
// cluster had: that of the newest proof which it agrees with, or which an earlier
// drill did; 0 if there is none.
func (o Outcome) Good(h *timeline.History) int64 {
	if o.Proof != nil {
		return o.Proof.Revision
	}
	var good int64
	for _, v := range h.Verified {
		if o.Differs == nil || v.Last < o.Differs.Revision {
			good = max(good, v.Last)
		}
	}
	return good
}

// Confirms reports whether a second drill found what the first did: a history that
// differs is believed only if it was rebuilt twice, elsewhere where there is somewhere
// else. What is wrong with the stored history is the same wherever it is rebuilt, so
// both hash to the same.
func (o Outcome) Confirms(first Outcome) bool {
	return o.Differs != nil && first.Differs != nil && o.Epoch == first.Epoch &&
		o.Differs.Hash == first.Differs.Hash && o.Computed == first.Computed
}

// String says in one sentence what was shown.
func (o Outcome) String() string {
	rebuilt := fmt.Sprintf("revision %d of timeline %d was rebuilt from a full and %s in %s", o.Revision, o.Epoch, words.Count(o.Deltas, "delta", "deltas"), o.Took.Round(time.Millisecond))
	switch {
	case o.Differs != nil:
		return fmt.Sprintf("%s, and it is not what the cluster had: member %s answered %s, it hashes to %d", rebuilt, o.Differs.MemberID, o.Differs.Hash, o.Computed)
	case o.Proof != nil:
		return fmt.Sprintf("%s; up to revision %d it is what member %s hashed", rebuilt, o.Proof.Revision, o.Proof.MemberID)
	}
	return rebuilt + "; no hash of a live member is stored to compare it with"
}

// Room says whether a drill may begin where free bytes of disk are left: it needs
// twice the database, so that what else is spooled there, and etcd if it shares the
// disk, never runs out of it because of a drill. database is its size in bytes once
// the deltas are in it.
func Room(dir string, free, database int64) error {
	need := 2 * database
	if free >= need {
		return nil
	}
	return fault.New(fault.Unavailable, "drill", dir, fmt.Sprintf("%s are free, a drill wants %s%s: twice the database", words.Size(free), words.Size(need), words.Short(free, need))).
		WithRemedy("free space there, or point spool.dir at a larger file system, not etcd's")
}
