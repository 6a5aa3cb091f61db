package health_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/role"
)

var now = time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)

func TestObjective(t *testing.T) {
	backup := func(age time.Duration, lag int64) health.Backup {
		return health.Backup{Windows: []chain.Range{{First: 1, Last: 100}}, Durable: 100, Live: 100 + lag, CaughtUpAt: now.Add(-age)}
	}
	never := backup(0, 0)
	never.CaughtUpAt = time.Time{}
	for _, tc := range []struct {
		name      string
		objective health.Objective
		backup    health.Backup
		fresh     bool
		says      string
	}{
		{"everything is stored", health.Objective{Age: time.Minute, Revisions: 10}, backup(0, 0), true, "100"},
		{"at both bounds", health.Objective{Age: time.Minute, Revisions: 10}, backup(time.Minute, 10), true, "10 behind"},
		{"too old", health.Objective{Age: time.Minute, Revisions: 10}, backup(61*time.Second, 0), false, "1m1s"},
		{"too many revisions", health.Objective{Age: time.Minute, Revisions: 10}, backup(0, 11), false, "11 revisions"},
		{"age has no bound", health.Objective{Revisions: 10}, backup(time.Hour, 0), true, ""},
		{"revisions have no bound", health.Objective{Age: time.Minute}, backup(0, 1e6), true, ""},
		{"nothing can be restored", health.Objective{}, health.Backup{CaughtUpAt: now}, false, "nothing"},
		{"it never caught up", health.Objective{Age: time.Minute}, never, false, "not yet"},
		{"it never caught up, and age has no bound", health.Objective{Revisions: 10}, never, true, ""},
		{"a clock that was set back", health.Objective{Age: time.Minute}, backup(-time.Hour, 0), true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.objective.Judge(tc.backup, now)
			if got.Fresh != tc.fresh || !strings.Contains(got.Reason, tc.says) || got.Behind < 0 {
				t.Errorf("Judge = %+v", got)
			}
		})
	}
}

func TestObjectivesThatAreWrong(t *testing.T) {
	if ps := (health.Objective{Age: -1, Revisions: -1}).Validate(); len(ps) != 2 {
		t.Errorf("%v", ps)
	}
	if ps := (health.Objective{Age: time.Minute}).Validate(); len(ps) != 0 {
		t.Errorf("%v", ps)
	}
}

func TestAssess(t *testing.T) {
	member := func(name string, id cluster.ID, as role.Role) health.Member {
		return health.Member{
			Entry: heartbeat.Entry{
				Member: cluster.Member{ID: id, Name: name},
				Beat:   &heartbeat.Seen{Card: heartbeat.Card{Name: name, MemberID: id}, Age: time.Second, TTL: 20 * time.Second},
			},
			Sidecar: &health.View{Role: as, Reason: "as it says", Fresh: health.Freshness{Fresh: true}, Heartbeat: heartbeat.State{Status: heartbeat.Renewed}},
		}
	}
	three := func(change func(leader, follower *health.Member)) health.Cluster {
		ms := []health.Member{member("a", 1, role.Leader), member("b", 2, role.Follower), member("c", 3, role.Follower)}
		change(&ms[0], &ms[1])
		return health.Cluster{Members: ms}
	}
	for _, tc := range []struct {
		name   string
		change func(leader, follower *health.Member)
		sick   string // the reason must say this; "" for healthy
		member bool   // it is the follower that is unhealthy
	}{
		{"all is well", func(_, _ *health.Member) {}, "", false},
		{"a sidecar does not answer", func(_, f *health.Member) { f.Sidecar, f.Error = nil, "refused" }, "refused", true},
		{"a member has neither heartbeat nor sidecar", func(_, f *health.Member) { f.Sidecar, f.Beat = nil, nil }, "no heartbeat", true},
		{"a heartbeat is gone", func(_, f *health.Member) { f.Beat = nil }, "no heartbeat", true},
		{"a heartbeat has lapsed", func(_, f *health.Member) { f.Beat.Age = time.Minute }, "1m0s old", true},
		{"a heartbeat is suspended", func(_, f *health.Member) { f.Beat, f.Sidecar.Heartbeat.Status = nil, heartbeat.Suspended }, "", false},
		{"heartbeats are off", func(_, f *health.Member) { f.Beat, f.Sidecar.Heartbeat.Status = nil, heartbeat.Off }, "", false},
		{"a role is unknown", func(_, f *health.Member) { f.Sidecar.Role, f.Sidecar.Reason = role.Unknown, "no quorum" }, "no quorum", true},
		{"nobody leads", func(l, _ *health.Member) { l.Sidecar.Role = role.Follower }, "0 sidecars", false},
		{"two lead", func(_, f *health.Member) { f.Sidecar.Role = role.Leader }, "2 sidecars", false},
		{"the backup is behind", func(l, _ *health.Member) { l.Sidecar.Fresh = health.Freshness{Reason: "an hour old"} }, "an hour old", false},
		{"a follower's picture is behind", func(_, f *health.Member) { f.Sidecar.Fresh = health.Freshness{Reason: "an hour old"} }, "", false},
		{"a member is corrupt", func(_, f *health.Member) { f.Sidecar.Member.Errors = []string{"memberID:2 alarm:CORRUPT"} }, "CORRUPT", true},
		{"the members disagree", func(l, _ *health.Member) { l.Sidecar.Proof.Differ = &proof.Disagreement{Detail: "a 1, b 2"} }, "a 1, b 2", false},
		{"etcd is out of space", func(l, _ *health.Member) { l.Sidecar.Member.Errors = []string{"memberID:1 alarm:NOSPACE"} }, "out of space", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := health.Assess(three(tc.change))
			if got.Healthy != (tc.sick == "") || got.Healthy != (len(got.Reasons) == 0) {
				t.Fatalf("healthy %v, reasons %q", got.Healthy, got.Reasons)
			}
			if tc.sick != "" && !strings.Contains(strings.Join(got.Reasons, "; "), tc.sick) {
				t.Errorf("reasons %q do not say %q", got.Reasons, tc.sick)
			}
			if got.Members[1].Healthy == tc.member {
				t.Errorf("the follower is healthy: %v (%s)", got.Members[1].Healthy, got.Members[1].Reason)
			}
		})
	}
	if got := health.Assess(health.Cluster{}); got.Healthy {
		t.Error("a cluster without members is healthy")
	}
}
