package role

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Identity is whom the own endpoint is expected to be. Zero ids are not known
// yet and accept any answer.
type Identity struct {
	ClusterID cluster.ID
	MemberID  cluster.ID
}

// Poll is what came of one status call.
type Poll struct {
	Status   cluster.Status // valid if Err is nil
	Err      error
	TimedOut bool // Err says that no answer came in time, not that the call was refused
	// Elsewhere is what another member said instead, while the own one is busy;
	// nil if none was asked or none answered.
	Elsewhere *cluster.Status
}

// Maintenance is an announcement that a member will not answer for a while.
type Maintenance struct {
	Reason string
	Until  time.Time // zero: nothing announced
}

// Longest bounds an announcement: a member that is away for longer is not busy.
const Longest = 2 * time.Hour

// Observe reads a poll. known is whom the endpoint answered for before; an
// endpoint that answers for somebody else is Failed, for three sidecars in
// front of one service address would all lead in turn. A call that timed out
// within announced maintenance is Busy; one that was refused is not. A busy
// member that others know to have lost the lead does not lead.
func Observe(p Poll, known Identity, m Maintenance, now time.Time) Observation {
	if p.Err != nil {
		if p.TimedOut && now.Before(m.Until) {
			return busy(p.Elsewhere, known, m)
		}
		return Observation{Failed, p.Err.Error()}
	}
	s := p.Status
	switch {
	case known.MemberID != 0 && s.MemberID != known.MemberID:
		return Observation{Failed, fmt.Sprintf("the endpoint answers for member %s, it was %s; if it was replaced or restored, restart the sidecar", s.MemberID, known.MemberID)}
	case known.ClusterID != 0 && s.ClusterID != known.ClusterID:
		return Observation{Failed, fmt.Sprintf("the endpoint answers for cluster %s, it was %s; if it was replaced or restored, restart the sidecar", s.ClusterID, known.ClusterID)}
	case s.Leader == 0:
		return Observation{NoLeader, fmt.Sprintf("raft term %d", s.RaftTerm)}
	case s.Learner:
		return Observation{Learning, fmt.Sprintf("leader %s", s.Leader)}
	case s.Leader == s.MemberID:
		return Observation{Leading, fmt.Sprintf("member %s, raft term %d", s.MemberID, s.RaftTerm)}
	default:
		return Observation{Following, fmt.Sprintf("leader %s, raft term %d", s.Leader, s.RaftTerm)}
	}
}

func busy(elsewhere *cluster.Status, known Identity, m Maintenance) Observation {
	detail := fmt.Sprintf("%s, until %s at the latest", m.Reason, m.Until.UTC().Format(time.RFC3339))
	switch s := elsewhere; {
	case s == nil || s.ClusterID != known.ClusterID || s.Leader == 0:
		return Observation{Busy, detail}
	case s.Leader != known.MemberID:
		return Observation{Following, fmt.Sprintf("%s; member %s says that %s leads, raft term %d", detail, s.MemberID, s.Leader, s.RaftTerm)}
	default:
		return Observation{Busy, fmt.Sprintf("%s; member %s says that it leads, raft term %d", detail, s.MemberID, s.RaftTerm)}
	}
}
