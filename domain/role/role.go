// Package role decides what a sidecar is, from what its own etcd member says.
//
// There is no election: the sidecar beside the member that leads etcd's raft is
// the backup leader. Every sidecar starts as Follower.
package role

import "fmt"

// Role is one of the three states of a sidecar.
type Role string

// The roles.
const (
	Follower Role = "Follower" // the own member follows; also the state at start
	Leader   Role = "Leader"   // the own member leads etcd
	Unknown  Role = "Unknown"  // no etcd leader, quorum lost, or the own member does not answer
)

// Roles lists every role, for tables that must be complete.
func Roles() []Role { return []Role{Follower, Leader, Unknown} }

// Duty is something that a role obliges to.
type Duty string

// The duties.
const (
	Heartbeat  Duty = "heartbeat"  // show the other members that this one is healthy
	Backup     Duty = "backup"     // take and upload fulls and deltas
	Compact    Duty = "compact"    // make the chains of the bucket shorter
	Retention  Duty = "retention"  // tidy the bucket
	Proof      Duty = "proof"      // record what members hash, and compare them
	Drill      Duty = "drill"      // rebuild what the store holds, and compare it
	Defragment Duty = "defragment" // trigger defragmentation of every member
)

// Duties returns what a role obliges to, in the order in which they start.
func (r Role) Duties() []Duty {
	switch r {
	case Follower:
		return []Duty{Heartbeat}
	case Leader:
		return []Duty{Heartbeat, Backup, Compact, Retention, Proof, Drill, Defragment}
	default:
		return nil
	}
}

// Sight is what one poll of the own member found.
type Sight string

// What a poll can find.
const (
	Leading   Sight = "leading"
	Following Sight = "following"
	Learning  Sight = "learner"   // the member has no vote yet
	NoLeader  Sight = "no leader" // the member answers but knows no leader
	Failed    Sight = "failed"    // the status call failed, or another member answered
	Busy      Sight = "busy"      // the status call timed out within announced maintenance
)

// Sights lists everything a poll can find.
func Sights() []Sight { return []Sight{Leading, Following, Learning, NoLeader, Failed, Busy} }

// Observation is one poll's result.
type Observation struct {
	Sight  Sight
	Detail string // what the member said, or the error, for the reason
}

// Transition is the outcome of one observation: the role from now on, the
// duties to start and stop in this order, and why.
type Transition struct {
	From, To Role
	Stop     []Duty // in reverse order of starting; stops come before starts
	Start    []Duty
	Reason   string
}

// Changed reports whether the role is another one.
func (t Transition) Changed() bool { return t.From != t.To }

// Initial is the transition into the state every sidecar starts in.
func Initial() Transition {
	return Transition{From: Unknown, To: Follower, Start: Follower.Duties(),
		Reason: "every sidecar starts as follower, until its member says otherwise"}
}

// Next says what an observation makes of the current role. It is total: every
// role with every sight has an answer.
func Next(current Role, seen Observation) Transition {
	to := current
	var why string
	switch seen.Sight {
	case Leading:
		to, why = Leader, "the own member leads etcd"
	case Following:
		to, why = Follower, "the own member follows"
	case Learning:
		to, why = Follower, "the own member is a learner: it has no vote and its sidecar takes no backups"
	case NoLeader:
		to, why = Unknown, "the own member knows no leader: election or quorum lost"
	case Busy:
		why = "the own member is busy with announced maintenance; the role stays"
	default:
		to, why = Unknown, "the own member's status cannot be had"
	}
	if seen.Detail != "" {
		why = fmt.Sprintf("%s (%s)", why, seen.Detail)
	}
	return Transition{
		From:   current,
		To:     to,
		Stop:   reversed(missing(current.Duties(), to.Duties())),
		Start:  missing(to.Duties(), current.Duties()),
		Reason: why,
	}
}

// missing returns the duties of have that are not in from.
func missing(have, from []Duty) []Duty {
	var out []Duty
	for _, d := range have {
		found := false
		for _, f := range from {
			found = found || f == d
		}
		if !found {
			out = append(out, d)
		}
	}
	return out
}

func reversed(ds []Duty) []Duty {
	for i, j := 0, len(ds)-1; i < j; i, j = i+1, j-1 {
		ds[i], ds[j] = ds[j], ds[i]
	}
	return ds
}
