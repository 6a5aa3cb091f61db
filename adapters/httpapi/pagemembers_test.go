package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
)

// The members' part shows who is well and leads to the others' pages.
func TestPageShowsEveryMember(t *testing.T) {
	three := health.Assess(threeMembers())
	side := &sidecar{last: three, view: *three.Members[0].Sidecar}
	html := ask(t, side, "GET", "/", "").Body.String()
	for _, want := range []string{
		`<th scope="row">m1 <span class="quiet">this one</span></th>`, `<a href="https://10.0.0.2:8380/">m2</a>`,
		"1,234,567", "under 20 s", "healthy", "v1.2.3", "etcd 3.7.3", "Heartbeat renewed",
		`<a href="https://10.0.0.3:8380/">m3</a>`, "suspended: NOSPACE", "learner",
		`<a href="https://10.0.0.4:8380/">m4</a>`, "its sidecar does not answer: refused", "not known", "3 min old",
		"Ignored heartbeat: old is of cluster 9",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q:\n%s", want, html)
		}
	}
	if n := strings.Count(html, "its sidecar does not answer: refused"); n != 1 {
		t.Errorf("a reason is told %d times", n)
	}
	if strings.Contains(html, "10.0.0.1") {
		t.Error("the page links to itself")
	}
	if html := ask(t, &sidecar{}, "GET", "/", "").Body.String(); !strings.Contains(html, "The members are not known yet.") {
		t.Errorf("the page says of no members:\n%s", html)
	}
}

// A heartbeat is a little older at every look; that alone is no news.
func TestMembersStayTheSameWhileTimeGoesBy(t *testing.T) {
	side := &sidecar{last: health.Assess(threeMembers())}
	before := ask(t, side, "GET", "/", "").Body.String()
	later := threeMembers()
	for i := range later.Members {
		later.Members[i].Beat.Age += 2 * time.Second
	}
	side.last = health.Assess(later)
	if after := ask(t, side, "GET", "/", "").Body.String(); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

func TestPageOfHostileMembers(t *testing.T) {
	c := threeMembers()
	for i := range c.Members {
		m := &c.Members[i]
		m.Member.Name, m.Reason, m.Own = hostile, hostile, false
		m.Beat.Address, m.Beat.Version = "javascript:alert(1)", hostile
		if i == 1 {
			m.Beat.Address = "https://10.0.0.2:8380/" + hostile
		}
		if m.Sidecar != nil {
			m.Sidecar.Role, m.Sidecar.Version, m.Sidecar.Member.Version = role.Role(hostile), hostile, hostile
		}
	}
	c.Reasons, c.Ignored = []string{hostile}, []string{hostile}
	html := ask(t, &sidecar{last: c}, "GET", "/", "").Body.String()
	for _, tag := range []string{"<script>", "<img", "onerror='", "javascript:", "href=\"https:"} {
		if strings.Contains(html, tag) {
			t.Errorf("the page has %s", tag)
		}
	}
}

// threeMembers is a leader, a follower and a learner, and a member whose sidecar
// does not answer.
func threeMembers() health.Cluster {
	member := func(id cluster.ID, name string, as role.Role) health.Member {
		address := "https://10.0.0." + id.String() + ":8380"
		return health.Member{
			Entry: heartbeat.Entry{
				Member: cluster.Member{ID: id, Name: name},
				Beat:   &heartbeat.Seen{Card: heartbeat.Card{Name: name, ClusterID: 7, MemberID: id, Address: address, Version: "v1.2.3"}, Age: time.Second, TTL: 20 * time.Second},
			},
			Sidecar: &health.View{
				Name: name, Version: "v1.2.3", Role: as, Reason: "as it says", Member: cluster.Status{Version: "3.7.3"}, SeenAt: time.Unix(1e9, 0),
				Backup: health.Backup{Durable: 1234567, Live: 1234600},
				Fresh:  health.Freshness{Fresh: true, Lag: 33, Reason: "durable"}, Heartbeat: heartbeat.State{Status: heartbeat.Renewed},
			},
		}
	}
	leader, follower, learner, silent := member(1, "m1", role.Leader), member(2, "m2", role.Follower), member(3, "m3", role.Follower), member(4, "m4", "")
	leader.Own = true
	learner.Member.Learner, learner.Sidecar.Heartbeat = true, heartbeat.State{Status: heartbeat.Suspended, Detail: heartbeat.NoSpace}
	silent.Sidecar, silent.Error, silent.Beat.Age = nil, "refused", 3*time.Minute
	return health.Cluster{ID: 7, Members: []health.Member{leader, follower, learner, silent}, Ignored: []string{"old is of cluster 9, this is 7"}}
}
