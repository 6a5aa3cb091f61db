package cluster

import (
	"cmp"
	"fmt"
	"slices"
)

// Candidate is a member that could stream a snapshot or compute a hash, with
// what it last said of itself; Err is set if it did not answer.
type Candidate struct {
	Member Member
	Status Status
	Err    error
}

// Sources orders candidates for a snapshot that must hold revision at least:
// members that do not lead come first, then the most advanced, for streaming
// and the pages it pins cost the leader most. Members that do not answer, lag
// behind or report errors are left out, each with its reason.
func Sources(candidates []Candidate, revision int64) (usable []Candidate, left []string) {
	for _, c := range candidates {
		switch {
		case c.Err != nil:
			left = append(left, fmt.Sprintf("%s does not answer: %v", c.Member.Name, c.Err))
		case c.Status.Revision < revision:
			left = append(left, fmt.Sprintf("%s is at revision %d, %d is needed", c.Member.Name, c.Status.Revision, revision))
		case c.Status.Corrupt():
			left = append(left, c.Member.Name+" reports etcd's CORRUPT alarm")
		default:
			usable = append(usable, c)
		}
	}
	slices.SortStableFunc(usable, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(leads(a), leads(b)), cmp.Compare(b.Status.Revision, a.Status.Revision),
			cmp.Compare(a.Member.ID, b.Member.ID))
	})
	return usable, left
}

// Hashers orders candidates for a HashKV scan at a revision: voters only, since
// a learner does not serve it, followers first; the leader only when alone, for
// the scan holds up the member's writes.
func Hashers(candidates []Candidate, revision int64) []Candidate {
	usable, _ := Sources(candidates, revision)
	usable = slices.DeleteFunc(usable, func(c Candidate) bool { return c.Status.Learner })
	if len(usable) > 1 {
		usable = slices.DeleteFunc(usable, func(c Candidate) bool { return leads(c) == 1 })
	}
	return usable
}

// Leads reports whether the candidate said that it leads etcd.
func (c Candidate) Leads() bool { return c.Status.Leader == c.Status.MemberID }

func leads(c Candidate) int {
	if c.Leads() {
		return 1
	}
	return 0
}
