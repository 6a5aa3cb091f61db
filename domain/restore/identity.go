package restore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Identity is a restored member among the members of its cluster.
type Identity struct {
	Name       string   // empty: of no member in particular
	Advertised []string // its peer URLs, as the member will say them
	Members    []PlanMember
}

// Check returns nil if etcd starts as the member: Invalid if two members, or one
// twice, have the same peer URL, or if the cluster says others of the member than it
// says itself.
func (i Identity) Check() error {
	members := slices.SortedFunc(slices.Values(i.Members), func(a, b PlanMember) int { return strings.Compare(a.Name, b.Name) })
	owner := map[string]string{}
	var own []string
	for _, m := range members {
		if m.Name == i.Name {
			own = m.PeerURLs
		}
		for _, u := range m.PeerURLs {
			if other, taken := owner[u]; taken {
				return fault.New(fault.Invalid, "identify member", m.Name, fmt.Sprintf("--initial-cluster names %s for %s already", u, other)).
					WithRemedy("give every member peer URLs of its own")
			}
			owner[u] = m.Name
		}
	}
	if i.Name == "" || same(own, i.Advertised) {
		return nil
	}
	return fault.New(fault.Invalid, "identify member", i.Name,
		fmt.Sprintf("--initial-cluster says %q for it, --initial-advertise-peer-urls says %q", strings.Join(own, ","), strings.Join(i.Advertised, ","))).
		WithRemedy("give the member the same peer URLs in --initial-cluster and --initial-advertise-peer-urls")
}

// same reports whether two lists hold the same, in whatever order.
func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
