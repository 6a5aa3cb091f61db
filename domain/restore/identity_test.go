package restore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/restore"
)

func TestAMemberThatEtcdWouldNotStartAs(t *testing.T) {
	const a, b, c = "http://a:2380", "http://b:2380", "http://c:2380"
	m1, m2 := restore.PlanMember{Name: "m1", PeerURLs: []string{a, b}}, restore.PlanMember{Name: "m2", PeerURLs: []string{c}}
	for _, tc := range []struct {
		name string
		who  restore.Identity
		says string // empty: it is sound
	}{
		{"it says what the cluster says", restore.Identity{Name: "m2", Advertised: []string{c}, Members: []restore.PlanMember{m1, m2}}, ""},
		{"the order is nobody's concern", restore.Identity{Name: "m1", Advertised: []string{b, a}, Members: []restore.PlanMember{m2, m1}}, ""},
		{"nobody in particular, as in a plan", restore.Identity{Members: []restore.PlanMember{m1, m2}}, ""},
		{"it says something else", restore.Identity{Name: "m2", Advertised: []string{a}, Members: []restore.PlanMember{m1, m2}},
			`identify member m2: --initial-cluster says "http://c:2380" for it, --initial-advertise-peer-urls says "http://a:2380"`},
		{"it says only half", restore.Identity{Name: "m1", Advertised: []string{a}, Members: []restore.PlanMember{m1, m2}}, `"http://a:2380,http://b:2380" for it`},
		{"the cluster does not know it", restore.Identity{Name: "m3", Advertised: []string{c}, Members: []restore.PlanMember{m1, m2}}, `says "" for it`},
		{"two members in one place", restore.Identity{Members: []restore.PlanMember{m2, {Name: "m1", PeerURLs: []string{c}}}}, "identify member m2: --initial-cluster names http://c:2380 for m1 already"},
		{"one place twice", restore.Identity{Members: []restore.PlanMember{{Name: "m1", PeerURLs: []string{a, a}}}}, "names http://a:2380 for m1 already"},
	} {
		err := tc.who.Check()
		if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
