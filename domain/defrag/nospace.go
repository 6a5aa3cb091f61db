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

// How long after a run that left the NOSPACE alarm raised the next is tried: what
// fills a database is not gone in a minute. Once more pages are free than after
// that run, something was compacted or deleted since, and a cluster that takes no
// writes waits for it.
const (
	NoSpaceAgain  = 30 * time.Minute
	NoSpaceGained = 2 * time.Minute
)

// NoSpaceTry is the last run for want of space; zero for none.
type NoSpaceTry struct {
	At    time.Time // when it began
	Least int64     // bytes in free pages of the own member, the fewest seen since
}

// TryNoSpace is a run that begins now.
func TryNoSpace(own cluster.Status, now time.Time) NoSpaceTry {
	return NoSpaceTry{At: now, Least: free(own)}
}

// Seen returns the try after the own member was seen to be as it is.
func (t NoSpaceTry) Seen(own cluster.Status) NoSpaceTry {
	t.Least = min(t.Least, free(own))
	return t
}

// Due reports whether a run for want of space is due: the alarm is raised, and the
// last such run, if any, is long enough ago.
func (t NoSpaceTry) Due(own cluster.Status, now time.Time) bool {
	again := NoSpaceAgain
	if free(own)-t.Least > own.DBSize/noSpacePart {
		again = NoSpaceGained
	}
	return own.NoSpace() && (t.At.IsZero() || now.Sub(t.At) >= again)
}

// noSpacePart is the part of a database that must be free to be worth it while
// etcd is out of space. A few free pages there are always: for those the members
// would be done again and again.
const noSpacePart = 20

// gives reports whether a member has enough to give back while etcd is out of
// space.
func gives(s cluster.Status) bool { return free(s) > s.DBSize/noSpacePart }

// free returns the bytes in free pages.
func free(s cluster.Status) int64 { return s.DBSize - s.DBInUse }
