package restore

import (
	"net/url"

	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/ports"
)

// Check returns nil if etcd starts as the member that req names; Invalid if not. It
// needs no store: what is wrong here is wrong before anything is read.
func (req Request) Check() error {
	id := req.Identity
	return rule.Identity{Name: id.Name, Advertised: texts(id.InitialAdvertisePeer), Members: members(id)}.Check()
}

// members are those of the restored cluster, in no order.
func members(id ports.MemberIdentity) []rule.PlanMember {
	var out []rule.PlanMember
	for name, peers := range id.InitialCluster {
		out = append(out, rule.PlanMember{Name: name, PeerURLs: texts(peers)})
	}
	return out
}

func texts(urls []url.URL) []string {
	out := make([]string, len(urls))
	for i, u := range urls {
		out[i] = u.String()
	}
	return out
}
