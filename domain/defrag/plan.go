// Package defrag decides whether the members of a cluster may be defragmented
// now, which of them are worth it, and in which order.
//
// A member that defragments answers nothing until it is done. So it is done one
// by one, the leader last, and only while the others can carry the cluster.
package defrag

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Wanted says whether a member is worth it, and why or why not.
type Wanted func(s cluster.Status) (yes bool, reason string)

// State is what a plan goes by.
type State struct {
	// Members is everybody in the member list, as each just answered. A member
	// that is in it twice, as by two of its URLs, counts once.
	Members []cluster.Candidate
	// Own is the member of the sidecar that plans, which must lead; 0 for whoever
	// leads.
	Own cluster.ID
	// Backup says why the backup is not what it should be; empty if it is.
	Backup string
	// Streaming is the member that a full is being read from; 0 for none.
	Streaming cluster.ID
	// Done is whom this run has defragmented already, with what came of it.
	Done map[cluster.ID]string
	// Lag is how many entries of the raft log a member may lack.
	Lag    uint64
	Wanted Wanted
	// Single allows a cluster of a single voter, which serves nobody meanwhile.
	Single  bool
	Scope   Scope
	Lead    Lead
	History History
}

// Scope narrows or widens whom a run is about.
type Scope struct {
	Only cluster.ID // this member and no other; 0 for all
	// All takes members that the rule would leave alone, too.
	All bool
	// NoSpace takes everybody with a twentieth to give back, whatever the rule
	// says: etcd refuses writes until there is room.
	NoSpace bool
}

// Step is what becomes of one member.
type Step struct {
	Member cluster.Candidate
	Skip   bool
	Leads  bool // it comes last
	// MoveTo is whom the lead goes to instead of defragmenting the leader; 0 if
	// it is defragmented as it is. The run ends there, and the new leader's
	// sidecar does what is left.
	MoveTo cluster.ID
	// Stall is how long the member is expected not to answer, and Basis by what.
	Stall  time.Duration
	Basis  string
	Reason string
}

// Plan is what to do, in order. While Refused says something, nothing is done.
type Plan struct {
	Refused string
	Steps   []Step
}

// Next returns the first step that is to be carried out; false if none is.
func (p Plan) Next() (Step, bool) {
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return !s.Skip })
	if p.Refused != "" || i < 0 {
		return Step{}, false
	}
	return p.Steps[i], true
}

// Make plans. Every member has a step, so that each can be told why or why not.
func Make(s State) Plan {
	s.Members = once(s.Members)
	slices.SortStableFunc(s.Members, func(a, b cluster.Candidate) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Member.Name, b.Member.Name), cmp.Compare(a.Member.ID, b.Member.ID))
	})
	p := Plan{Refused: s.refusal()}
	for _, m := range s.Members {
		p.Steps = append(p.Steps, s.step(m))
	}
	for i := range p.Steps {
		s.lead(&p.Steps[i], p.Steps)
	}
	return p
}

// once returns every member once; of two answers of one the first that is one.
func once(members []cluster.Candidate) []cluster.Candidate {
	var out []cluster.Candidate
	for _, c := range members {
		i := slices.IndexFunc(out, func(o cluster.Candidate) bool { return o.Member.ID == c.Member.ID })
		switch {
		case i < 0:
			out = append(out, c)
		case out[i].Err != nil && c.Err == nil:
			out[i] = c
		}
	}
	return out
}

// rank puts the leader behind its followers.
func rank(c cluster.Candidate) int {
	if leads(c) {
		return 1
	}
	return 0
}

func leads(c cluster.Candidate) bool {
	return c.Err == nil && c.Status.Leader != 0 && c.Status.Leader == c.Status.MemberID
}

func votes(c cluster.Candidate) bool { return !c.Member.Learner && !c.Status.Learner }

func (s State) step(c cluster.Candidate) Step {
	step := Step{Member: c, Leads: leads(c)}
	done, isDone := s.Done[c.Member.ID]
	if c.Err == nil {
		step.Stall, step.Basis = s.History.Expect(c.Member.ID, c.Status.DBInUse)
	}
	switch {
	case isDone:
		step.Skip, step.Reason = true, done
	case c.Err != nil:
		step.Skip, step.Reason = true, "it does not answer: "+c.Err.Error()
	case !votes(c):
		step.Skip, step.Reason = true, "etcd does not defragment learners"
	case s.Scope.Only != 0 && s.Scope.Only != c.Member.ID:
		step.Skip, step.Reason = true, fmt.Sprintf("this run is about member %s only", s.Scope.Only)
	case c.Member.ID == s.Streaming:
		step.Skip, step.Reason = true, "a full is being read from it"
	default:
		step.Skip, step.Reason = s.leaves(c.Status)
	}
	return step
}

// leaves says whether a member that could be defragmented is left alone.
func (s State) leaves(st cluster.Status) (skip bool, reason string) {
	wanted, reason := s.Wanted(st)
	switch {
	case wanted:
	case s.Scope.NoSpace && gives(st):
		reason = fmt.Sprintf("etcd is out of space, and %s can be given back", words.Size(free(st)))
		wanted = true
	case s.Scope.All:
		reason, wanted = "asked for, although "+reason, true
	}
	return !wanted, reason
}

// refusal returns why no member at all may be defragmented now.
func (s State) refusal() string {
	leader, problem := s.leader()
	if problem != "" {
		return problem
	}
	voters := 0
	for _, c := range s.Members {
		if votes(c) {
			voters++
		}
		switch name, st := c.Member.Name, c.Status; {
		case c.Err != nil:
			return fmt.Sprintf("%s does not answer: %v", name, c.Err)
		case st.Corrupt():
			return "etcd's CORRUPT alarm is raised: find out which member differs before anything else"
		case st.Leader != leader.MemberID:
			return fmt.Sprintf("%s follows member %s, others %s: an election is under way", name, st.Leader, leader.MemberID)
		case st.RaftApplied+s.Lag < leader.RaftApplied:
			return fmt.Sprintf("%s has applied raft index %d, the leader %d: wait until it has caught up", name, st.RaftApplied, leader.RaftApplied)
		}
		if why := endangered(c.Status.Version); why != "" {
			return fmt.Sprintf("%s runs etcd %s: %s", c.Member.Name, c.Status.Version, why)
		}
	}
	known := func(c cluster.Candidate) bool { return c.Member.ID == s.Scope.Only }
	switch {
	case s.Own != 0 && leader.MemberID != s.Own:
		return fmt.Sprintf("member %s leads, not the own one: its sidecar defragments", leader.MemberID)
	case s.Scope.Only != 0 && !slices.ContainsFunc(s.Members, known):
		return fmt.Sprintf("the member list names no member %s", s.Scope.Only)
	case voters == 1 && !s.Single:
		return "the cluster has a single voting member and would answer nobody meanwhile; defrag.singleMember allows it"
	case s.Backup != "":
		return "the backup is not what it should be: " + s.Backup
	}
	return ""
}

// leader returns the one that leads, or why there is none that all know.
func (s State) leader() (cluster.Status, string) {
	var found []cluster.Status
	for _, c := range s.Members {
		if leads(c) {
			found = append(found, c.Status)
		}
	}
	switch len(found) {
	case 1:
		return found[0], ""
	case 0:
		return cluster.Status{}, "no member says that it leads"
	default:
		return cluster.Status{}, fmt.Sprintf("%d members say that they lead", len(found))
	}
}
