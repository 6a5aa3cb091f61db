package httpapi

import (
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
)

// membersModel is the cluster as the page shows it. Nothing in it changes while
// nothing but time goes by.
type membersModel struct {
	Rows    []memberRow
	Reasons []string // why the cluster is not healthy, beyond its members
	Ignored []string
}

type memberRow struct {
	Name      string
	Page      string // of its sidecar; empty for the own, or if it is not known
	Own       bool
	Learner   bool
	Role      role.Role // empty: not known
	Heartbeat string
	Durable   string
	Healthy   bool
	Reason    string
	Version   string
	Etcd      string
}

func membersOf(c health.Cluster) membersModel {
	out := membersModel{Reasons: slices.Clone(c.Reasons), Ignored: c.Ignored}
	for _, m := range c.Members {
		out.Rows = append(out.Rows, rowOf(m))
		if !m.Healthy { // its row says so already
			said := m.Member.Name + ": " + m.Reason
			out.Reasons = slices.DeleteFunc(out.Reasons, func(r string) bool { return r == said })
		}
	}
	return out
}

func rowOf(m health.Member) memberRow {
	row := memberRow{
		Name: m.Member.Name, Own: m.Own, Learner: m.Member.Learner,
		Heartbeat: beatText(m), Durable: "–", Healthy: m.Healthy, Reason: m.Reason,
	}
	if row.Name == "" {
		row.Name = m.Member.ID.String()
	}
	if b := m.Beat; b != nil {
		row.Version = b.Version
		if u, err := client.Base(b.Address); err == nil && !m.Own {
			row.Page = u.String() + "/"
		}
	}
	v := m.Sidecar
	if v == nil {
		return row
	}
	row.Role, row.Durable, row.Version, row.Etcd = v.Role, count(v.Backup.Durable), v.Version, v.Member.Version
	if !m.Healthy && v.Role != role.Unknown && m.Beat != nil && m.Beat.Lapsed() {
		row.Reason = "its heartbeat has lapsed" // the reason itself counts the seconds
	}
	return row
}

// beatText says how old a heartbeat is in steps that are not smaller than the
// time for which it holds: it is renewed all the time.
func beatText(m health.Member) string {
	if v := m.Sidecar; v != nil {
		switch s := v.Heartbeat; s.Status {
		case heartbeat.Off:
			return "off"
		case heartbeat.Suspended:
			return strings.TrimSuffix("suspended: "+s.Detail, ": ")
		}
	}
	switch b := m.Beat; {
	case b == nil:
		return "none"
	case b.Lapsed():
		return age(b.Age) + " old"
	default:
		return "under " + age(b.TTL)
	}
}
