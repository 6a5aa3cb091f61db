package drill

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Task is what to rebuild.
type Task struct {
	Epoch    int
	Revision int64
}

// Pick returns what to rebuild of a bucket: the newest revision of the newest
// timeline. Where there is nothing to rebuild, or it is known to be suspect, the
// reason says so.
func Pick(c *timeline.Catalogue) (t Task, reason string) {
	h := c.Newest()
	if h == nil {
		return t, "the store holds no timeline yet"
	}
	if good, suspect := h.Good(); suspect {
		return t, fmt.Sprintf("timeline %d is suspect above revision %d already, and the next has not begun", h.Epoch, good)
	}
	newest, ok := chain.Cover(h).Newest()
	if !ok {
		return t, fmt.Sprintf("nothing of timeline %d can be restored yet", h.Epoch)
	}
	return Task{Epoch: h.Epoch, Revision: newest}, ""
}

// Outcome is what a drill showed.
type Outcome struct {
	Task
	Base    string // key of the full
	Deltas  int
	Records int64         // of deltas
	Took    time.Duration // of the rebuilding alone: what a restore takes at least
	// Proof is the newest that the history agrees with; nil for none.
	Proof *proof.Recorded
	// Differs is the oldest that it is known not to agree with; nil for none.
	Differs  *proof.Recorded
	Computed uint32 // what the history hashes to where Differs was recorded
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

// Claims returns the proofs that the outcome rests on, which whoever rebuilt the
// history says are in the store.
func (o Outcome) Claims() []proof.Recorded {
	var out []proof.Recorded
	for _, p := range []*proof.Recorded{o.Proof, o.Differs} {
		if p != nil {
			out = append(out, *p)
		}
	}
	return out
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
	return fault.New(fault.Unavailable, "drill", dir, fmt.Sprintf("%s are free, a drill wants %s: twice the database", words.Size(free), words.Size(need))).
		WithRemedy("free space there, or point spool.dir at a larger file system, not etcd's")
}
