package cluster

import (
	"fmt"
	"strings"
)

// CaughtUp says whether a learner may be promoted: it must answer, and have
// applied all but lag entries of the raft log that the leader has applied. etcd
// itself demands nine tenths of the leader's log, which may be far behind.
func CaughtUp(learner, leader Status, lag uint64) (ok bool, reason string) {
	switch {
	case !learner.Learner:
		return false, "it votes already"
	case learner.Leader == 0:
		return false, "it knows no leader"
	case learner.ClusterID != leader.ClusterID:
		return false, fmt.Sprintf("it is of cluster %s, the leader of %s", learner.ClusterID, leader.ClusterID)
	case learner.RaftApplied+lag < leader.RaftApplied:
		return false, fmt.Sprintf("it has applied raft index %d, the leader %d", learner.RaftApplied, leader.RaftApplied)
	}
	return true, fmt.Sprintf("it has applied raft index %d, the leader %d", learner.RaftApplied, leader.RaftApplied)
}

// PeersUseTLS reports whether every peer URL of the member is https.
func (m Member) PeersUseTLS() bool {
	for _, u := range m.PeerURLs {
		if !strings.HasPrefix(u, "https://") {
			return false
		}
	}
	return len(m.PeerURLs) > 0
}
