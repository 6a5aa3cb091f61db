package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Kept reports whether an answer to a question about a compact revision is the
// hash that the member kept when it compacted there: it was computed at the
// compact revision before. Any other answer cost the member a scan, as of one that
// was started since.
func (h Hash) Kept() bool { return h.Compact < h.Revision }

// Answer is what a member said.
type Answer struct {
	Member    cluster.Member
	ClusterID cluster.ID // of the member, when it was last asked
	Hash      Hash
	Err       error // it did not answer
}

// Ask returns which member to ask next for its hash at a compact revision, given
// the answers so far; false if no other should be. Followers come first. Once a
// scan was needed nobody else is asked, for nothing could be compared with it but
// another scan. The leader is asked last, and only where it cannot cost it a scan:
// ledThrough says that it led when it was compacted there, so that it was not
// started since, and that every follower still had its hash.
func Ask(candidates []cluster.Candidate, answers []Answer, revision int64, ledThrough bool) (cluster.Candidate, bool) {
	for _, a := range answers {
		if a.Err == nil && !a.Hash.Kept() {
			return cluster.Candidate{}, false
		}
	}
	followers := cluster.Hashers(candidates, revision)
	asked := func(c cluster.Candidate) bool {
		return slices.ContainsFunc(answers, func(a Answer) bool { return a.Member.ID == c.Member.ID })
	}
	for _, c := range followers {
		if !c.Leads() && !asked(c) {
			return c, true
		}
	}
	if !ledThrough {
		return cluster.Candidate{}, false
	}
	usable, _ := cluster.Sources(candidates, revision)
	for _, c := range usable {
		if c.Leads() && !asked(c) {
			return c, true
		}
	}
	return cluster.Candidate{}, false
}

// Finding is what the answers of members mean.
type Finding struct {
	// Answer is one to record; nil where none proves anything.
	Answer *Answer
	// Agreed are the members that gave the same answer as it, itself among them.
	Agreed []cluster.ID
	// Differ is set where two members disagree; then nothing is proven.
	Differ *Disagreement
	Reason string // why there is nothing to record
}

// Disagreement says that members hashed the same revision, compacted at the same,
// to different sums: one of them does not have the history that the others have.
type Disagreement struct {
	Revision int64
	Compact  int64
	Members  []cluster.ID
	Detail   string // who answered what, for people
	At       time.Time
}

// Weigh compares answers about a revision. Only those of equal revision and equal
// compact revision can be compared; of several kinds that which most members gave
// is recorded.
func Weigh(answers []Answer, revision int64) Finding {
	groups := map[int64][]Answer{} // by compact revision
	f := Finding{Reason: "no member could be asked"}
	for _, a := range answers {
		switch {
		case a.Err != nil:
			f.Reason = fmt.Sprintf("%s did not answer: %v", a.Member.Name, a.Err)
		case a.Hash.Revision != revision || a.Hash.Compact > revision:
			f.Reason = fmt.Sprintf("%s answered %s, asked was revision %d", a.Member.Name, a.Hash, revision)
		default:
			compact := max(a.Hash.Compact, 0)
			groups[compact] = append(groups[compact], a)
		}
	}
	var best []Answer
	for compact, g := range groups {
		if slices.ContainsFunc(g, func(a Answer) bool { return a.Hash.HashKV != g[0].Hash.HashKV }) {
			return Finding{Differ: disagreement(g, revision, compact), Reason: "the members disagree"}
		}
		// The lower the compact revision, the more history the hash is about.
		if best == nil || cmp.Or(cmp.Compare(len(g), len(best)), cmp.Compare(best[0].Hash.Compact, g[0].Hash.Compact)) > 0 {
			best = g
		}
	}
	if best == nil {
		return f
	}
	f = Finding{Answer: &best[0]}
	for _, a := range best {
		f.Agreed = append(f.Agreed, a.Member.ID)
	}
	return f
}

func disagreement(answers []Answer, revision, compact int64) *Disagreement {
	d := &Disagreement{Revision: revision, Compact: compact}
	var said []string
	for _, a := range answers {
		d.Members = append(d.Members, a.Member.ID)
		said = append(said, fmt.Sprintf("%s (%s) %d", a.Member.Name, a.Member.ID, a.Hash.HashKV))
	}
	d.Detail = fmt.Sprintf("HashKV at revision %d compacted at %d: %s", revision, compact, strings.Join(said, ", "))
	return d
}

// Over reports whether a disagreement has ended: every member of it that is still
// one of the cluster's has given the same answer as the others since.
func (d Disagreement) Over(agreed []cluster.ID, members []cluster.Member) bool {
	if len(agreed) == 0 {
		return false
	}
	for _, m := range members {
		if slices.Contains(d.Members, m.ID) && !slices.Contains(agreed, m.ID) {
			return false
		}
	}
	return true
}
