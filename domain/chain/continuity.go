package chain

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// Tail is where the stored history of a timeline ends.
type Tail struct {
	Epoch     int
	ClusterID string
	Last      int64 // newest stored revision
	Raft      snapshot.Raft
	Digests   []record.RevisionDigest // of the last revisions, oldest first
	Auth      snapshot.Auth
	SeenAt    time.Time // Last was written after this instant; zero if not known
	// Suspect says that what is above Good failed a proof; see timeline.History.
	Suspect bool
	Good    int64
	// Owed are the leases that stored deltas name and could not tell the TTL of.
	Owed []int64
}

// Head is where the live history is, as a linearizable read and the status of
// one member say.
type Head struct {
	ClusterID string
	Revision  int64
	Raft      snapshot.Raft
	Compact   int64 // history at and below this revision is gone; 0 if never compacted
}

// Action is what a new leader does about the stored history.
type Action string

// The actions.
const (
	// Continue watches from Verdict.From, compares the revisions up to the
	// tail's last with its digests, and goes on in the same timeline.
	Continue Action = "continue"
	// ContinueByFull stays in the same timeline but bridges the distance with a
	// full, whose own history reaches back over it.
	ContinueByFull Action = "continue_by_full"
	// Begin starts a new timeline with a full.
	Begin Action = "begin"
)

// Verdict is the decision of a new leader, with its reason.
type Verdict struct {
	Action Action
	// From is the first revision to watch, for Continue. It is at most
	// Tail.Last+1; what lies at or below Tail.Last is compared only.
	From int64
	// Lost are the revisions whose changes neither the store nor the cluster
	// holds whole; its zero value means none.
	Lost Range
	// Fork is the last revision that a new timeline surely shares with the one
	// before it; 0 where that is not known.
	Fork   int64
	Reason string
}

// Decide says how a leader goes on from tail, nil for an empty bucket, given
// the live head. catchUp is the distance in revisions above which a full is
// cheaper for etcd than the catch-up of a watch, which is quadratic there.
//
// The order of the checks matters: a cluster that was set back may still look
// continuous by revision alone.
func Decide(tail *Tail, head Head, catchUp int64) Verdict {
	if tail == nil {
		return Verdict{Action: Begin, Reason: "it is the first in this store"}
	}
	begin := func(format string, args ...any) Verdict {
		return Verdict{Action: Begin, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case head.ClusterID != tail.ClusterID:
		return begin("cluster id is %s, timeline %d belongs to %s", head.ClusterID, tail.Epoch, tail.ClusterID)
	case head.Revision < tail.Last:
		return begin("history went back: the cluster is at revision %d, revision %d is stored", head.Revision, tail.Last)
	case head.Raft.Before(tail.Raft):
		return begin("history went back: raft term %d index %d, stored at term %d index %d",
			head.Raft.Term, head.Raft.Index, tail.Raft.Term, tail.Raft.Index)
	case head.Compact > tail.Last:
		lost := Range{tail.Last + 1, head.Compact}
		v := begin("history lost: %s was compacted before it was stored", lost)
		v.Lost = lost
		return v
	case tail.Suspect:
		v := begin("what timeline %d holds above revision %d failed a proof", tail.Epoch, tail.Good)
		v.Fork = tail.Good
		return v
	case head.Revision-tail.Last > catchUp:
		return Verdict{Action: ContinueByFull, Reason: fmt.Sprintf(
			"%d revisions behind: a full costs the cluster less than catching up", head.Revision-tail.Last)}
	}
	from := compareFrom(tail, head.Compact)
	reason := fmt.Sprintf("stored up to %d, the cluster is at %d", tail.Last, head.Revision)
	if n := tail.Last - from + 1; n > 0 {
		reason += fmt.Sprintf("; the last %d stored revisions are compared", n)
	}
	return Verdict{Action: Continue, From: from, Reason: reason}
}

// compareFrom returns the first revision worth watching again: the oldest that
// the tail has an unbroken run of digests for and the cluster still serves.
func compareFrom(tail *Tail, compact int64) int64 {
	from := tail.Last + 1
	for i := len(tail.Digests) - 1; i >= 0; i-- {
		rev := tail.Digests[i].Revision
		if rev != from-1 || rev <= compact {
			break
		}
		from = rev
	}
	return from
}

// Live reports whether a watch response cannot be older than the member's
// present: all its changes are of the revision that its header names, and it is
// not the first since the watch began. Any other response may have been read
// from history, where a concurrent compaction can remove changes unseen.
func Live(first, last, header int64, fresh bool) bool {
	return !fresh && first == last && last == header
}

// Trustworthy reports whether a response whose first change is at revision
// first is known to be whole, given the serving member's compact revision read
// after it arrived.
func Trustworthy(first, compact int64) bool { return compact <= first-1 }

// FullConnects reports whether a full that holds (compact, last] continues a
// timeline stored up to tail.
func FullConnects(compact, tail int64) bool { return compact <= tail }

// FullMeetsWatch reports whether a full ending at last leaves no hole before a
// watch that begins at watchFrom.
func FullMeetsWatch(last, watchFrom int64) bool { return last >= watchFrom-1 }
