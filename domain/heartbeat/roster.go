package heartbeat

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Entry is a member of the cluster and its heartbeat, nil if it has none that
// is current.
type Entry struct {
	Member cluster.Member
	Beat   *Seen
}

// Roster matches the current member list with the heartbeats that were found,
// in the order of the members' names. Heartbeats of another cluster, or of a
// member that is not in the list, are ignored with a reason: a restore brings
// old ones back. Of two for one member the one renewed last counts.
func Roster(id cluster.ID, members []cluster.Member, found []Seen) (roster []Entry, ignored []string) {
	for _, m := range members {
		roster = append(roster, Entry{Member: m})
	}
	slices.SortFunc(roster, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Member.Name, b.Member.Name), cmp.Compare(a.Member.ID, b.Member.ID))
	})
	for _, s := range found {
		i := slices.IndexFunc(roster, func(e Entry) bool { return e.Member.ID == s.MemberID })
		switch {
		case s.ClusterID != id:
			ignored = append(ignored, fmt.Sprintf("%s is of cluster %s, this is %s", s.Name, s.ClusterID, id))
		case i < 0:
			ignored = append(ignored, fmt.Sprintf("%s is of member %s, which is not in the member list", s.Name, s.MemberID))
		case roster[i].Beat == nil:
			roster[i].Beat = &s
		case roster[i].Beat.Age <= s.Age:
			ignored = append(ignored, fmt.Sprintf("%s is an older heartbeat of member %s than %s", s.Name, s.MemberID, roster[i].Beat.Name))
		default:
			ignored = append(ignored, fmt.Sprintf("%s is an older heartbeat of member %s than %s", roster[i].Beat.Name, s.MemberID, s.Name))
			roster[i].Beat = &s
		}
	}
	return roster, ignored
}

// Find returns a member's entry, or nil.
func Find(roster []Entry, member cluster.ID) *Entry {
	for i := range roster {
		if roster[i].Member.ID == member {
			return &roster[i]
		}
	}
	return nil
}
