package restore

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Unproven says what of a path etcd's own hash will not have been compared with;
// empty if the target itself will be. The listing tells where proofs are, not
// whether they can be used.
func Unproven(h *timeline.History, p chain.Path) string {
	for i := len(h.Proofs) - 1; i >= 0; i-- {
		switch at := h.Proofs[i].Last; {
		case at == p.Target:
			return ""
		case at < p.Target && at >= p.Base.First:
			return fmt.Sprintf("etcd's own hash is known at revision %d; %s", at, Uncompared(at, p.Target))
		}
	}
	return NoProof
}

// Uncompared says what is known of the revisions from a proof to the target; empty
// if there are none.
func Uncompared(proven, target int64) string {
	if proven >= target {
		return ""
	}
	return fmt.Sprintf("from there to %d the history is continuous and every digest is checked, but not compared with it", target)
}

// NoProof is what there is to say of a history without any proof.
const NoProof = "no proof at or below this revision is in the store: the result is whole and continuous, but was not compared with etcd's own hash"

// UnknownLeases says of how many leases nobody recorded the TTL; empty for none.
func UnknownLeases(leases snapshot.Leases) string {
	n := 0
	for _, l := range leases {
		if l.State != snapshot.LeaseGranted {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("leases whose TTL nobody recorded: %d; those that the full does not have get the default one", n)
}

// DefaultedLeases says how many leases got a TTL, in seconds, that nobody recorded.
func DefaultedLeases(n int, ttl int64) string {
	return fmt.Sprintf("%s whose TTL nobody recorded got %d seconds", words.Count(n, "lease", "leases"), ttl)
}

// Undescribed says what is not known beforehand of a path whose deltas have no
// description; empty for others.
func Undescribed(p chain.Path) string {
	if len(p.Deltas) == 0 || !p.Deltas[0].Undescribed {
		return ""
	}
	return "nothing describes the deltas, so it shows when they are read which leases they name, of which the TTL is not recorded either, and how much disk they take"
}
