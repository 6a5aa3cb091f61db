package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/tests/oracle"
)

const newest = "etcd37"

// calm leaves a busy test machine time to answer.
var calm = role.Config{Interval: 200 * time.Millisecond, Timeout: time.Second}

func TestRolesOfOneMember(t *testing.T)    { rolesFollow(t, newest, 1) }
func TestRolesOfThreeMembers(t *testing.T) { rolesFollow(t, newest, 3) }
func TestRolesOfFiveMembers(t *testing.T)  { rolesFollow(t, newest, 5) }

// rolesFollow leads a cluster through everything that decides a role.
func rolesFollow(t *testing.T, version string, n int) {
	g := startGroup(t, version, n, calm)
	leader := g.settle("one Leader")
	for _, s := range g.sidecars {
		if first := s.entered[0]; first.To != rolerule.Follower || !slices.Equal(first.Start, []rolerule.Duty{rolerule.Heartbeat}) {
			t.Errorf("%s began as %s with %v", s.Name, first.To, first.Start)
		}
	}
	if n > 1 {
		leader = g.moves(leader)
		leader = g.dies("a Follower's", g.besides(leader)[0])
		leader = g.dies("the Leader's", leader)
		leader = g.stops("a Follower's", g.besides(leader)[0])
	}
	leader = g.stops("the Leader's", leader)
	leader = g.losesQuorum(leader)
	g.learns(leader)
}

// moves gives the lead to each member in turn.
func (g *group) moves(leader *sidecar) *sidecar {
	g.t.Helper()
	for _, s := range g.besides(leader) {
		g.move(leader, s)
		if leader = g.settle("the roles after a moved lead"); leader != s {
			g.t.Logf("the lead went on to %s", leader.Name) // etcd elects as it likes
		}
	}
	return leader
}

// dies kills a member and brings it back.
func (g *group) dies(whose string, s *sidecar) (leader *sidecar) {
	g.t.Helper()
	s.Kill()
	g.settle(fmt.Sprintf("the roles after %s member was killed", whose), s)
	if now := s.poller.Now(); errors.Is(now.Err, context.DeadlineExceeded) || !strings.Contains(now.Reason, "cannot be had") {
		g.t.Errorf("%s: %s (%v), a refusal is wanted", s.Name, now.Reason, now.Err)
	}
	restart(g, s)
	return g.settle("the roles after it came back")
}

// stops stops a member's process, which then keeps silent, and continues it.
func (g *group) stops(whose string, s *sidecar) (leader *sidecar) {
	g.t.Helper()
	s.Pause()
	what := fmt.Sprintf("the roles after %s member stopped", whose)
	if len(g.sidecars) == 1 {
		g.unknown(what, nil)
	} else {
		g.settle(what, s)
	}
	if now := s.poller.Now(); !errors.Is(now.Err, context.DeadlineExceeded) {
		g.t.Errorf("%s: %s (%v), a timeout is wanted", s.Name, now.Reason, now.Err)
	}
	s.Resume()
	return g.settle("the roles after it went on")
}

// losesQuorum takes a majority away, first by killing and then by stopping it.
// The leader stays where that is possible: it, too, must find that it leads no
// more.
func (g *group) losesQuorum(leader *sidecar) *sidecar {
	g.t.Helper()
	majority := len(g.sidecars)/2 + 1
	reasons := func(away []*sidecar, why string) map[*sidecar]string {
		all := map[*sidecar]string{}
		for _, s := range g.sidecars {
			if all[s] = "no leader"; slices.Contains(away, s) {
				all[s] = why
			}
		}
		return all
	}
	away := append(g.besides(leader), leader)[:majority]
	for _, s := range away {
		s.Kill()
	}
	g.unknown("everybody to be Unknown after a majority was killed", reasons(away, "cannot be had"))
	restart(g, away...)
	leader = g.settle("the roles after it came back")

	away = append(g.besides(leader), leader)[:majority]
	for _, s := range away {
		s.Pause()
	}
	g.unknown("everybody to be Unknown after a majority stopped", reasons(away, "deadline exceeded"))
	for _, s := range away {
		s.Resume()
	}
	return g.settle("the roles after it went on")
}

// learns adds a learner, gives it a vote, and then the lead.
func (g *group) learns(leader *sidecar) {
	g.t.Helper()
	client := oracle.Connect(g.t, leader.Endpoint)
	m := g.etcd.AddLearner(g.t, g.version, func(peerURL string) error {
		// etcd takes nobody in until its members were connected for seconds.
		g.eventually("the learner to be announced", func() error {
			_, err := client.MemberAddAsLearner(g.t.Context(), []string{peerURL})
			return err
		})
		return nil
	})
	learner := g.add(m, calm)
	says := func(what, reason string) {
		g.t.Helper()
		g.eventually(what, func() error {
			if now := learner.poller.Now(); now.Role != rolerule.Follower || !strings.Contains(now.Reason, reason) {
				return fmt.Errorf("%s: %s", now.Role, now.Reason)
			}
			return nil
		})
	}
	says("a learner to be a Follower that says so", "learner")
	leader = g.settle("the roles beside a learner")
	if leader == learner {
		g.t.Error("a learner's sidecar is Leader")
	}
	g.eventually("the learner to be promoted", func() error {
		err := leader.clients.Cluster.Promote(g.t.Context(), learner.id)
		if errors.Is(err, fault.Conflict) { // an earlier try went through
			return nil
		}
		return err
	})
	says("a voter to be a Follower that says so", "the own member follows")
	leader = g.settle("the roles after the promotion")
	g.move(leader, learner)
	leader = g.settle("the roles after the new member got the lead")
	g.t.Logf("%s leads, the new member is %s", leader.Name, learner.Name)
	for _, e := range learner.between(time.Time{}, time.Now()) {
		if e.To == rolerule.Leader && strings.Contains(e.Reason, "learner") {
			g.t.Errorf("a learner's sidecar became Leader: %s", e.Reason)
		}
	}
}
