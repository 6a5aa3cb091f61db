package role_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/role"
)

func TestObserve(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	const self, other, third = cluster.ID(0xa1), cluster.ID(0xb2), cluster.ID(0xc3)
	const home, elsewhereID = cluster.ID(0xc0de), cluster.ID(0xdead)
	known := role.Identity{ClusterID: home, MemberID: self}
	says := func(s cluster.Status) role.Poll {
		if s.ClusterID == 0 {
			s.ClusterID = home
		}
		if s.MemberID == 0 {
			s.MemberID = self
		}
		s.RaftTerm = 7
		return role.Poll{Status: s}
	}
	timeout := role.Poll{Err: errors.New("deadline exceeded"), TimedOut: true}
	refused := role.Poll{Err: errors.New("connection refused")}
	hashing := role.Maintenance{Reason: "HashKV for a proof", Until: now.Add(30 * time.Second)}
	elsewhere := func(s cluster.Status) role.Poll {
		if s.ClusterID == 0 {
			s.ClusterID = home
		}
		s.MemberID, s.RaftTerm = third, 8
		p := timeout
		p.Elsewhere = &s
		return p
	}
	over := role.Maintenance{Reason: "HashKV for a proof", Until: now}

	for _, tc := range []struct {
		name  string
		poll  role.Poll
		known role.Identity
		maint role.Maintenance
		want  role.Sight
		names []string // what the detail must say
	}{
		{"the member leads", says(cluster.Status{Leader: self}), known, role.Maintenance{}, role.Leading, []string{"a1", "term 7"}},
		{"another member leads", says(cluster.Status{Leader: other}), known, role.Maintenance{}, role.Following, []string{"b2", "term 7"}},
		{"nobody leads", says(cluster.Status{}), known, role.Maintenance{}, role.NoLeader, []string{"term 7"}},
		{"the member is a learner", says(cluster.Status{Leader: other, Learner: true}), known, role.Maintenance{}, role.Learning, []string{"b2"}},
		{"a learner without a leader sees no leader", says(cluster.Status{Learner: true}), known, role.Maintenance{}, role.NoLeader, nil},
		{"the first answer is believed", says(cluster.Status{Leader: self}), role.Identity{}, role.Maintenance{}, role.Leading, nil},

		{"the endpoint answers for another member", says(cluster.Status{MemberID: third, Leader: third}), known, role.Maintenance{}, role.Failed, []string{"a1", "c3"}},
		{"the endpoint answers for another cluster", says(cluster.Status{ClusterID: elsewhereID, Leader: self}), known, role.Maintenance{}, role.Failed, []string{"c0de", "dead"}},
		{"another member's answer is not excused by maintenance", says(cluster.Status{MemberID: third, Leader: third}), known, hashing, role.Failed, []string{"a1", "c3"}},
		{"no leader is not excused by maintenance", says(cluster.Status{}), known, hashing, role.NoLeader, nil},

		{"the call times out", timeout, known, role.Maintenance{}, role.Failed, []string{"deadline exceeded"}},
		{"the call is refused", refused, known, role.Maintenance{}, role.Failed, []string{"connection refused"}},
		{"it times out within announced maintenance", timeout, known, hashing, role.Busy, []string{"HashKV for a proof", "2026-03-01T14:00:30Z"}},
		{"it times out at the deadline of the maintenance", timeout, known, over, role.Failed, []string{"deadline exceeded"}},
		{"it is refused within announced maintenance: the member died", refused, known, hashing, role.Failed, []string{"connection refused"}},
		{"busy, and another member knows it to lead", elsewhere(cluster.Status{Leader: self}), known, hashing, role.Busy, []string{"HashKV", "c3", "term 8"}},
		{"busy, and another member follows somebody else", elsewhere(cluster.Status{Leader: other}), known, hashing, role.Following, []string{"HashKV", "b2", "term 8"}},
		{"busy, and another member knows no leader", elsewhere(cluster.Status{}), known, hashing, role.Busy, []string{"HashKV"}},
		{"busy, and another cluster answers", elsewhere(cluster.Status{ClusterID: elsewhereID, Leader: other}), known, hashing, role.Busy, []string{"HashKV"}},
		{"what others say is nothing without an announcement", elsewhere(cluster.Status{Leader: self}), known, role.Maintenance{}, role.Failed, []string{"deadline"}},
		{"it answers within announced maintenance", says(cluster.Status{Leader: other}), known, hashing, role.Following, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := role.Observe(tc.poll, tc.known, tc.maint, now)
			if got.Sight != tc.want {
				t.Fatalf("saw %q (%s), want %q", got.Sight, got.Detail, tc.want)
			}
			for _, part := range tc.names {
				if !strings.Contains(got.Detail, part) {
					t.Errorf("detail %q does not name %q", got.Detail, part)
				}
			}
		})
	}
}

// Polls of every kind, in any order, with announcements that come and go. A
// Leader's member was said to lead, by itself or while it was busy by another,
// and since then every silence was announced; without an announcement the last
// poll alone decides.
func TestALeaderIsOneThatWasSaidToLead(t *testing.T) {
	const self, home = cluster.ID(1), cluster.ID(9)
	known := role.Identity{ClusterID: home, MemberID: self}
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	silent := role.Poll{Err: errors.New("deadline exceeded"), TimedOut: true}
	seen := map[role.Role]int{}
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		current := role.Initial().To
		saidToLead := false
		var announced role.Maintenance
		for step := range 200 {
			now = now.Add(time.Second)
			if rng.IntN(10) == 0 {
				announced = role.Maintenance{Reason: "defragmentation", Until: now.Add(time.Duration(rng.IntN(20)) * time.Second)}
			}
			var p role.Poll
			switch way := rng.IntN(10); way {
			case 0:
				p.Err = errors.New("connection refused")
			case 1, 2, 3, 4:
				p = silent
				if rng.IntN(2) == 0 {
					p.Elsewhere = &cluster.Status{ClusterID: home, MemberID: 2, Leader: cluster.ID(rng.IntN(3))}
				}
			default:
				p.Status = cluster.Status{ClusterID: home, MemberID: self, Leader: cluster.ID(rng.IntN(3)), Learner: rng.IntN(10) == 0}
				if way == 9 {
					p.Status.MemberID, p.Status.Leader = 3, 3
				}
			}
			excused := p.TimedOut && announced.Until.After(now)
			switch {
			case excused && p.Elsewhere != nil && p.Elsewhere.Leader > self:
				saidToLead = false
			case !excused:
				saidToLead = p.Err == nil && p.Status.MemberID == self && p.Status.Leader == self && !p.Status.Learner
			}
			before := current
			current = role.Next(current, role.Observe(p, known, announced, now)).To
			seen[current]++
			if (current == role.Leader) != (saidToLead && (!excused || before == role.Leader)) {
				t.Fatalf("seed %d, step %d: %s → %s on %+v within %+v at %s", seed, step, before, current, p, announced, now)
			}
			if p.Err != nil && !excused && current != role.Unknown {
				t.Fatalf("seed %d, step %d: %s after %v, which nothing excuses", seed, step, current, p.Err)
			}
			if !excused {
				for _, other := range role.Roles() {
					if to := role.Next(other, role.Observe(p, known, announced, now)).To; to != current {
						t.Fatalf("seed %d, step %d: %+v makes %s of %s, but %s of %s", seed, step, p, to, other, current, before)
					}
				}
			}
		}
	}
	for _, r := range role.Roles() {
		if seen[r] < 1000 {
			t.Errorf("%s was seen %d times: the test tests little", r, seen[r])
		}
	}
}
