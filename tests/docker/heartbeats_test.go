package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// members is the cluster as a pair's sidecar sees it.
func (p *pair) members(ctx context.Context) (found openapi.Cluster, err error) {
	return found, p.call(ctx, http.MethodGet, "/v1/members", 15*time.Second, &found)
}

// beats says why a member's heartbeat is not current, nil if it is.
func beats(m openapi.ClusterMember) error {
	switch h := m.Heartbeat; {
	case h.Name == "":
		return fmt.Errorf("%s has no heartbeat", m.Name)
	case h.AgeSeconds >= h.TtlSeconds:
		return fmt.Errorf("the heartbeat of %s is %.1f s old and lives for %.1f s", m.Name, h.AgeSeconds, h.TtlSeconds)
	}
	return nil
}

// truthful says in what the members' view of one pair is not what is: every pair
// lives, and its heartbeat says so.
func (c *cluster) truthful(of *pair) error {
	found, err := of.members(c.t.Context())
	if err != nil {
		return err
	}
	var wrong []error
	byName := map[string]openapi.ClusterMember{}
	for _, m := range found.Members {
		byName[m.Name] = m
	}
	for _, p := range c.pairs {
		m := byName[p.name]
		a, err := p.raft(c.t.Context(), 2*time.Second)
		wrong = append(wrong, err, beats(m))
		role := openapi.RoleFollower
		if a.leader == a.member {
			role = openapi.RoleLeader
		}
		switch {
		case err != nil:
		case m.MemberID != strconv.FormatUint(a.member, 16):
			wrong = append(wrong, fmt.Errorf("%s is member %x, not %q", p.name, a.member, m.MemberID))
		case m.Heartbeat.Name != p.name:
			wrong = append(wrong, fmt.Errorf("%s beats as %q", p.name, m.Heartbeat.Name))
		case m.Sidecar.Role != role:
			wrong = append(wrong, fmt.Errorf("the sidecar of %s is %q, its member leads: %v (%s)", p.name, m.Sidecar.Role, role == openapi.RoleLeader, m.Error))
		case !m.Healthy:
			wrong = append(wrong, fmt.Errorf("%s is not healthy: %s", p.name, m.Reason))
		}
	}
	if len(found.Members) != len(c.pairs) || len(found.Ignored) != 0 {
		wrong = append(wrong, fmt.Errorf("%d members, and heartbeats of nobody: %q", len(found.Members), found.Ignored))
	}
	if !found.Healthy {
		wrong = append(wrong, fmt.Errorf("the cluster is not healthy: %q", found.Reasons))
	}
	return errors.Join(wrong...)
}

// awaitHeartbeats waits until every sidecar sees every member as it is.
func (c *cluster) awaitHeartbeats() {
	c.t.Helper()
	for _, p := range c.pairs {
		eventually(c.t, "the heartbeats to be true in the eyes of "+p.name, func() error { return c.truthful(p) })
	}
}

// awaitLapse waits until no other sidecar sees a current heartbeat of a pair, or
// takes it for healthy.
func (c *cluster) awaitLapse(silent *pair) {
	c.t.Helper()
	for _, p := range c.but(silent) {
		eventually(c.t, fmt.Sprintf("the heartbeat of %s to lapse in the eyes of %s", silent.name, p.name), func() error {
			found, err := p.members(c.t.Context())
			if err != nil {
				return err
			}
			for _, m := range found.Members {
				if m.Name == silent.name && (beats(m) == nil || m.Healthy) {
					return fmt.Errorf("it is %.1f s old and lives for %.1f s; healthy: %v (%s)", m.Heartbeat.AgeSeconds, m.Heartbeat.TtlSeconds, m.Healthy, m.Reason)
				}
			}
			return nil
		})
	}
}
