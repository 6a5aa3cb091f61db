package defrag

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Disarm says whether etcd's NOSPACE alarm may be disarmed: every member must
// answer, know its quota, and use less than below of it, in per cent. A member
// without a known quota could be out of space again at the next write. quota is
// used where a version does not say its own, in bytes; 0 if it is not known.
func Disarm(members []cluster.Candidate, below int, quota int64) (ok bool, reason string) {
	if len(members) == 0 {
		return false, "the members are not known"
	}
	for _, c := range members {
		limit := c.Status.DBQuota
		if limit == 0 {
			limit = quota
		}
		switch {
		case c.Err != nil:
			return false, fmt.Sprintf("%s does not answer: %v", c.Member.Name, c.Err)
		case limit <= 0:
			return false, fmt.Sprintf("the quota of %s is not known: its version does not say it; set defrag.quota", c.Member.Name)
		case used(c.Status.DBSize, limit) >= below:
			return false, fmt.Sprintf("%s uses %d %% of its quota, %d %% are too many: compact old revisions, delete keys or raise the quota",
				c.Member.Name, used(c.Status.DBSize, limit), below)
		}
	}
	return true, fmt.Sprintf("every member uses less than %d %% of its quota", below)
}

func used(size, quota int64) int { return int(float64(size) / float64(quota) * 100) }

// NoSpaceAgain is how long after a run that left the NOSPACE alarm raised the
// next is tried: what fills the database is not gone in a minute.
const NoSpaceAgain = 30 * time.Minute

// NoSpaceDue reports whether a run for want of space is due: the alarm is raised,
// and the last such run, if any, is long enough ago.
func NoSpaceDue(own cluster.Status, last, now time.Time) bool {
	return own.NoSpace() && (last.IsZero() || now.Sub(last) >= NoSpaceAgain)
}
