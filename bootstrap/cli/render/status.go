package render

import (
	"fmt"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// unknown stands for what a sidecar that was not reached would have said.
const unknown = "?"

// notHere stands for what only another sidecar can say.
const notHere = "-"

// Status writes all members as a table, and below it why all is not well. whole
// says that the heartbeats were looked at; else there is only what the sidecar
// says of its own.
func Status(w io.Writer, c openapi.Cluster, whole bool) error {
	p := newPage()
	if len(c.Members) == 0 {
		p.line("no member is known")
	} else {
		p.row("NAME", "MEMBER", "ROLE", "HEARTBEAT", "DURABLE", "LAG", "HEALTH", "VERSION", "ETCD")
	}
	for _, m := range c.Members {
		heartbeat := string(m.Sidecar.Heartbeat.Status)
		if whole {
			heartbeat = beat(m)
		}
		member(p, m, heartbeat)
	}
	p.line("")
	proven(p, c.Members)
	if c.Healthy {
		p.line("healthy")
	} else {
		p.line("not healthy")
	}
	for _, r := range c.Reasons {
		p.line("  %s", oneLine(r))
	}
	if len(c.Ignored) > 0 {
		p.line("")
		p.line("ignored heartbeats")
	}
	for _, r := range c.Ignored {
		p.line("  %s", oneLine(r))
	}
	return p.writeTo(w)
}

// proven says how far the backup is proven, as the leader's sidecar knows.
func proven(p *page, members []openapi.ClusterMember) {
	for _, m := range members {
		if m.Sidecar.Role != openapi.RoleLeader {
			continue
		}
		if at := m.Sidecar.Proof.Recorded; at.Timeline != 0 {
			p.line("members' hash is recorded up to revision %d, %s", at.Revision, instant(at.At))
		}
		if at := m.Sidecar.Proof.Verified; at.Timeline != 0 {
			took := ""
			if at.TookSeconds > 0 {
				took = " in " + time.Duration(at.TookSeconds*float64(time.Second)).Round(time.Millisecond).String()
			}
			p.line("rebuilt from the store%s and compared up to revision %d, %s", took, at.Revision, instant(at.At))
		}
		p.line("")
	}
}

func member(p *page, m openapi.ClusterMember, heartbeat string) {
	role, durable, lag, version, etcd := unknown, unknown, unknown, m.Heartbeat.Version, ""
	if s := m.Sidecar; s.Role != "" {
		role, version, etcd = string(s.Role), s.Version, s.EtcdVersion
		durable, lag = fmt.Sprint(s.DurableRevision), fmt.Sprint(s.LagRevisions)
		if s.Role == openapi.RoleFollower { // it uploads nothing: what it knows of the store is a minute old
			lag = notHere
		}
	}
	if m.Learner {
		role += " (learner)"
	}
	health := "healthy"
	if !m.Healthy {
		health = "unhealthy"
	}
	p.row(orElse(m.Name, "-"), orElse(m.MemberID, unknown), role, heartbeat, durable, lag, health, orElse(version, unknown), orElse(etcd, unknown))
}

// beat says how old a heartbeat is, or why there is none.
func beat(m openapi.ClusterMember) string {
	switch status := m.Sidecar.Heartbeat.Status; status {
	case openapi.HeartbeatStatusOff, openapi.HeartbeatStatusSuspended:
		return string(status)
	}
	h := m.Heartbeat
	if h.Name == "" {
		return "none"
	}
	text := time.Duration(h.AgeSeconds * float64(time.Second)).Round(time.Second).String()
	if h.AgeSeconds >= h.TtlSeconds {
		return text + ", lapsed"
	}
	return text
}

func orElse(text, otherwise string) string {
	if text = oneLine(text); text == "" {
		return otherwise
	}
	return text
}
