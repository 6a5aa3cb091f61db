package defrag

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Lead says what is done about the leader's stall: while it defragments, the
// whole cluster takes no writes.
type Lead struct {
	Move  bool          // the lead may be moved away
	Above time.Duration // from this stall on
}

// lead decides what becomes of the leader's own step: it is defragmented as it
// is, or the lead goes to a follower first, and the run on to that one's sidecar.
func (s State) lead(step *Step, all []Step) {
	if !step.Leads || step.Skip {
		return
	}
	expected := fmt.Sprintf("expected stall %s (%s)", step.Stall.Round(10*time.Millisecond), step.Basis)
	switch {
	case !s.Lead.Move:
		step.Reason += "; it leads, so the cluster takes no writes meanwhile: " + expected
		return
	case step.Stall <= s.Lead.Above:
		step.Reason += fmt.Sprintf("; it leads and keeps the lead: %s, within %s", expected, s.Lead.Above)
		return
	}
	to, why := s.successor(*step, all)
	if to == nil {
		step.Reason += fmt.Sprintf("; it leads and keeps the lead, for no other member can take it: %s", expected)
		return
	}
	step.MoveTo = to.Member.ID
	step.Reason += fmt.Sprintf("; it leads, and the %s passes %s: the lead goes to %s first, %s", expected, s.Lead.Above, to.Member.Name, why)
}

// successor returns the follower that is to lead: one that is dense, or will be
// when the leader's turn comes, before one that is not; then the one that has
// applied most.
func (s State) successor(leader Step, all []Step) (to *cluster.Candidate, why string) {
	type choice struct {
		c     cluster.Candidate
		dense bool
	}
	var choices []choice
	for _, step := range all {
		c := step.Member
		if c.Member.ID == leader.Member.Member.ID || c.Err != nil || !votes(c) || c.Member.ID == s.Streaming {
			continue
		}
		_, done := s.Done[c.Member.ID]
		wanted, _ := s.Wanted(c.Status)
		choices = append(choices, choice{c, done || !wanted || !step.Skip})
	}
	if len(choices) == 0 {
		return nil, ""
	}
	best := slices.MinFunc(choices, func(a, b choice) int {
		return cmp.Or(cmp.Compare(first(a.dense), first(b.dense)), cmp.Compare(b.c.Status.RaftApplied, a.c.Status.RaftApplied),
			cmp.Compare(a.c.Member.Name, b.c.Member.Name))
	})
	if !best.dense {
		return &best.c, "which has caught up, though it is not defragmented"
	}
	return &best.c, "which has caught up and is defragmented by then"
}

func first(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// Handover is what the sidecar that led leaves to the one that leads now.
type Handover struct {
	Run    Run        // that ended so: whoever asks the new leader is told of it, too
	Member cluster.ID // who is left
	Reason string
}

// HandoverLasts is how long a handover counts. After that the member is found by
// the rule, as any other.
const HandoverLasts = 10 * time.Minute

// Open returns whether a handover that was taken at a moment still counts, and
// why not.
func (h Handover) Open(taken, now time.Time) (ok bool, reason string) {
	if age := now.Sub(taken); age > HandoverLasts {
		return false, fmt.Sprintf("the handover of member %s is %s old; the next plan finds it by the rule", h.Member, age.Round(time.Second))
	}
	return true, h.Reason
}
