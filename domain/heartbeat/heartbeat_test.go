package heartbeat_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
)

func TestRoster(t *testing.T) {
	const home, elsewhere = cluster.ID(0xc0de), cluster.ID(0xdead)
	members := []cluster.Member{{ID: 2, Name: "b"}, {ID: 1, Name: "a"}, {ID: 3, Name: "c", Learner: true}}
	seen := func(name string, id, of cluster.ID, age time.Duration) heartbeat.Seen {
		return heartbeat.Seen{Card: heartbeat.Card{Name: name, ClusterID: of, MemberID: id}, Age: age, TTL: 20 * time.Second}
	}
	for _, tc := range []struct {
		name    string
		found   []heartbeat.Seen
		beats   []string // of a, b, c in turn; "" for none
		ignored []string // what the reasons must say
	}{
		{"nobody beats", nil, []string{"", "", ""}, nil},
		{"all beat", []heartbeat.Seen{seen("sc", 3, home, 0), seen("sa", 1, home, 0), seen("sb", 2, home, 0)}, []string{"sa", "sb", "sc"}, nil},
		{"a restore brought one of another cluster back", []heartbeat.Seen{seen("sa", 1, elsewhere, 0)}, []string{"", "", ""}, []string{"dead"}},
		{"a member was removed", []heartbeat.Seen{seen("old", 9, home, 0), seen("sb", 2, home, 0)}, []string{"", "sb", ""}, []string{"member 9"}},
		{"a sidecar was renamed, the old one last", []heartbeat.Seen{seen("new", 1, home, 1), seen("old", 1, home, 9)}, []string{"new", "", ""}, []string{"old is an older"}},
		{"a sidecar was renamed, the old one first", []heartbeat.Seen{seen("old", 1, home, 9), seen("new", 1, home, 1)}, []string{"new", "", ""}, []string{"old is an older"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			roster, ignored := heartbeat.Roster(home, members, tc.found)
			var beats []string
			for i, e := range roster {
				if want := []string{"a", "b", "c"}[i]; e.Member.Name != want {
					t.Errorf("entry %d is %s, want %s", i, e.Member.Name, want)
				}
				name := ""
				if e.Beat != nil {
					name = e.Beat.Name
				}
				beats = append(beats, name)
			}
			if !slices.Equal(beats, tc.beats) {
				t.Errorf("beats %q, want %q", beats, tc.beats)
			}
			if len(ignored) != len(tc.ignored) {
				t.Fatalf("ignored %q, want %d", ignored, len(tc.ignored))
			}
			for i, want := range tc.ignored {
				if !strings.Contains(ignored[i], want) {
					t.Errorf("ignored %q, want %q in it", ignored[i], want)
				}
			}
		})
	}
	roster, _ := heartbeat.Roster(home, members, nil)
	if e := heartbeat.Find(roster, 2); e == nil || e.Member.Name != "b" {
		t.Errorf("Find(2) = %+v", e)
	}
	if e := heartbeat.Find(roster, 7); e != nil {
		t.Errorf("Find(7) = %+v", e)
	}
}

func TestAHeartbeatLapsesAtItsTTL(t *testing.T) {
	for age, want := range map[time.Duration]bool{0: false, 19 * time.Second: false, 20 * time.Second: true, time.Minute: true} {
		if got := (heartbeat.Seen{Age: age, TTL: 20 * time.Second}).Lapsed(); got != want {
			t.Errorf("lapsed at %s: %v", age, got)
		}
	}
}
