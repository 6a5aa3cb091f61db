package health

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
)

// Member is one member of the cluster as another sees it: etcd's own entry, its
// heartbeat and what its sidecar says.
type Member struct {
	heartbeat.Entry
	Own     bool   // it is the member of the sidecar that answers
	Sidecar *View  // nil if it could not be asked
	Error   string // why not
	Healthy bool
	Reason  string // why it is not, or what it does
}

// Cluster is all members as one sidecar sees them.
type Cluster struct {
	ID      cluster.ID
	Members []Member // by name
	Ignored []string // heartbeats that are of nobody here, each with its reason
	Healthy bool
	Reasons []string // why it is not; empty if it is
}

// Assess fills in who is healthy, and why not. A member is healthy if its
// heartbeat is current, or is suspended for no fault of its own, and its sidecar
// knows its role and does not report the CORRUPT alarm. The cluster is healthy
// if every member is, exactly one leads, the leader's backup is fresh, and etcd
// takes writes.
func Assess(c Cluster) Cluster {
	c.Reasons = nil
	leaders := 0
	for i := range c.Members {
		m := &c.Members[i]
		m.Healthy, m.Reason = m.assess()
		if !m.Healthy {
			c.Reasons = append(c.Reasons, fmt.Sprintf("%s: %s", m.Member.Name, m.Reason))
		}
		if v := m.Sidecar; v != nil && v.Role == role.Leader {
			leaders++
			if !v.Fresh.Fresh {
				c.Reasons = append(c.Reasons, "the backup is behind: "+v.Fresh.Reason)
			}
			if d := v.Proof.Differ; d != nil {
				c.Reasons = append(c.Reasons, "the members of etcd disagree about their data: "+d.Detail)
			}
			if v.Member.NoSpace() {
				c.Reasons = append(c.Reasons, "etcd is out of space: it refuses writes until its NOSPACE alarm is disarmed")
			}
		}
	}
	switch {
	case len(c.Members) == 0:
		c.Reasons = append(c.Reasons, "the member list is not known")
	case leaders != 1:
		c.Reasons = append(c.Reasons, fmt.Sprintf("%d sidecars say that they lead, it must be one", leaders))
	}
	c.Healthy = len(c.Reasons) == 0
	return c
}

func (m Member) assess() (healthy bool, reason string) {
	v := m.Sidecar
	suspended := v != nil && v.Heartbeat.Status == heartbeat.Suspended
	off := v != nil && v.Heartbeat.Status == heartbeat.Off
	switch {
	case v == nil && m.Beat == nil:
		return false, "it has no heartbeat, so its sidecar cannot be asked"
	case v == nil:
		return false, "its sidecar does not answer: " + m.Error
	case v.Role == role.Unknown:
		return false, v.Reason
	case m.Beat == nil && !suspended && !off:
		return false, "it has no heartbeat"
	case m.Beat != nil && m.Beat.Lapsed() && !suspended && !off:
		return false, fmt.Sprintf("its heartbeat is %s old", m.Beat.Age)
	case v.Member.Corrupt():
		return false, fmt.Sprintf("etcd reports %q", v.Member.Errors)
	}
	return true, v.Reason
}
