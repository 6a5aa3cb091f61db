package cluster_test

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

func TestCaughtUp(t *testing.T) {
	const home = cluster.ID(0xc0de)
	learner := func(applied uint64) cluster.Status {
		return cluster.Status{ClusterID: home, MemberID: 2, Leader: 1, Learner: true, RaftApplied: applied}
	}
	leader := cluster.Status{ClusterID: home, MemberID: 1, Leader: 1, RaftApplied: 1000}
	voter, lost, foreign := learner(1000), learner(1000), learner(1000)
	voter.Learner, lost.Leader, foreign.ClusterID = false, 0, 0xdead
	for _, tc := range []struct {
		name    string
		learner cluster.Status
		want    bool
	}{
		{"level with the leader", learner(1000), true},
		{"ahead of what the leader said", learner(1001), true},
		{"at the limit", learner(900), true},
		{"below it", learner(899), false},
		{"nothing applied", learner(0), false},
		{"a voter", voter, false},
		{"without a leader", lost, false},
		{"of another cluster", foreign, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if ok, why := cluster.CaughtUp(tc.learner, leader, 100); ok != tc.want || why == "" {
				t.Errorf("CaughtUp = %v (%s)", ok, why)
			}
		})
	}
}

func TestPeersUseTLS(t *testing.T) {
	for _, tc := range []struct {
		urls []string
		want bool
	}{
		{nil, false},
		{[]string{"https://a:2380"}, true},
		{[]string{"http://a:2380"}, false},
		{[]string{"https://a:2380", "http://b:2380"}, false},
	} {
		if got := (cluster.Member{PeerURLs: tc.urls}).PeersUseTLS(); got != tc.want {
			t.Errorf("%v: %v", tc.urls, got)
		}
	}
}

func TestAlarms(t *testing.T) {
	s := cluster.Status{Errors: []string{"memberID:7 alarm:NOSPACE "}}
	if !s.NoSpace() || s.Corrupt() {
		t.Errorf("NOSPACE is read as %v, %v", s.NoSpace(), s.Corrupt())
	}
	if s.Errors[0] = "memberID:7 alarm:CORRUPT "; s.NoSpace() || !s.Corrupt() {
		t.Errorf("CORRUPT is read as %v, %v", s.NoSpace(), s.Corrupt())
	}
}
