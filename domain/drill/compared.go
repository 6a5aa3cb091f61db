package drill

import (
	"slices"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// ToCompare returns which proofs of a timeline, by revision, a rebuilt history is held
// against, in this order: all that are newer than what is known, the oldest first; and
// where none of those can be used, the first that can of others, the newest first.
//
// It takes all of them to find a loss. The hash at a compaction sees every record since
// the compaction before; of older ones it sees only what was not overwritten or deleted
// by then. So a later proof may agree although an earlier one does not.
func ToCompare(proofs []snapshot.Ref, t Task, base snapshot.Ref) (fresh, others []snapshot.Ref) {
	for _, p := range proofs {
		switch {
		case p.Last > t.Revision || p.Last < base.First:
		case p.Last > t.Known:
			fresh = append(fresh, p)
		default:
			others = append(others, p)
		}
	}
	slices.Reverse(others)
	return fresh, others
}
