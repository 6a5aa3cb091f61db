package drill

import (
	"cmp"
	"slices"

	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/role"
)

// Places returns whose sidecars could carry out a drill, the best first: healthy
// followers, a learner before the others since it has no vote to lose, then by name.
// It needs the store alone. Where there is nobody the leader does it itself. The
// member named besides is passed over, "" for none: what one sidecar found, another
// confirms.
func Places(c health.Cluster, besides string) []health.Member {
	out := slices.DeleteFunc(slices.Clone(c.Members), func(m health.Member) bool {
		return m.Own || !m.Healthy || m.Sidecar == nil || m.Sidecar.Role != role.Follower || m.Member.Name == besides
	})
	slices.SortStableFunc(out, func(a, b health.Member) int {
		return cmp.Or(cmp.Compare(learner(b), learner(a)), cmp.Compare(a.Member.Name, b.Member.Name), cmp.Compare(a.Member.ID, b.Member.ID))
	})
	return out
}

// learner prefers a member that serves no clients' writes.
func learner(m health.Member) int {
	if m.Member.Learner {
		return 1
	}
	return 0
}
