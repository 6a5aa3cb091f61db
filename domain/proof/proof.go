package proof

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Recorded is what a live member answered, kept beside the backup so that a
// restored database can be held against it.
type Recorded struct {
	Hash
	ClusterID  string    `json:"clusterID"` // hexadecimal, as etcd prints it
	MemberID   string    `json:"memberID"`  // the member that was asked
	RecordedAt time.Time `json:"recordedAt"`
}

// Verified says that a history was rebuilt from the store and is what a live member
// hashed.
type Verified struct {
	Recorded              // what it was compared with
	Timeline    int       `json:"timeline"`
	From        int64     `json:"fromRevision"`     // of the full to begin with; an older one where it could not be used
	Restored    int64     `json:"restoredRevision"` // that was rebuilt, at or above the recorded one
	Base        string    `json:"base"`             // key of the full
	Deltas      int       `json:"deltas"`           // that were applied to it
	Records     int64     `json:"records"`          // of them
	TookSeconds float64   `json:"tookSeconds"`      // of the rebuilding
	Where       string    `json:"where"`            // the member beside which it was done
	By          string    `json:"by"`               // the member whose sidecar wrote this
	VerifiedAt  time.Time `json:"verifiedAt"`
}

// Usable returns nil if an answer can prove a database whose own history begins
// at fileCompact and that is asked for at revision want. Invalid says why not:
// etcd may answer from its cache of compaction hashes, which were computed for
// an earlier compact revision than the file has.
func Usable(answer Hash, want, fileCompact int64) error {
	switch {
	case answer.Revision != want:
		return fault.New(fault.Invalid, "use proof", "",
			fmt.Sprintf("asked for revision %d, answered for %d", want, answer.Revision))
	case answer.Compact > answer.Revision:
		return fault.New(fault.Invalid, "use proof", "",
			fmt.Sprintf("the answer for revision %d was computed at the later compact revision %d", answer.Revision, answer.Compact))
	case answer.Compact < fileCompact && fileCompact > 1:
		return fault.New(fault.Invalid, "use proof", "",
			fmt.Sprintf("the answer was computed at compact revision %d, the file holds nothing below %d", answer.Compact, fileCompact))
	}
	return nil
}

// Choose returns the newest of proofs at or below target that a database with
// history from fileCompact on can be held against; ok is false if there is none.
func Choose(proofs []Recorded, target, fileCompact int64) (best Recorded, ok bool) {
	for _, p := range proofs {
		if p.Revision > target || Usable(p.Hash, p.Revision, fileCompact) != nil {
			continue
		}
		if p.Revision > best.Revision {
			best, ok = p, true
		}
	}
	return best, ok
}

// Check compares what a database hashes to with what the cluster answered.
// A difference is Diverged and names both.
func Check(recorded Recorded, computed uint32) error {
	if recorded.HashKV == computed {
		return nil
	}
	return fault.New(fault.Diverged, "prove restored database", "",
		fmt.Sprintf("member %s answered %s, the restored records give %d", recorded.MemberID, recorded.Hash, computed)).
		WithRemedy("the chain differs from the cluster somewhere at or below this revision; restore a point with an older proof, and keep the bucket for analysis")
}
