package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// promoteInterval is how often a learner is looked at.
const promoteInterval = 5 * time.Second

// promoteLag is how many entries of the raft log a learner may lack: what a
// loaded cluster writes between two questions.
const promoteLag = 5000

// Promoter gives the own member a vote once it has caught up, if it is a
// learner.
type Promoter struct {
	own     Own
	cluster ports.Cluster
	observe ports.Observer

	refused string // the last reason that was told
}

// NewPromoter returns a Promoter.
func NewPromoter(own Own, c ports.Cluster, o ports.Observer) *Promoter {
	return &Promoter{own: own, cluster: c, observe: o}
}

// Watch looks at the own member from time to time until ctx ends.
func (p *Promoter) Watch(ctx context.Context) error {
	ticker := time.NewTicker(promoteInterval)
	defer ticker.Stop()
	for {
		p.look(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Promoter) look(ctx context.Context) {
	own := p.own.View().Member
	if !own.Learner {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	ready, reason, err := p.ready(ctx, own)
	if err == nil && ready {
		err = p.cluster.Promote(ctx, own.MemberID)
	}
	if errors.Is(err, fault.Conflict) {
		err = nil // it votes: the answer to an earlier call was lost
	}
	switch now := time.Now(); {
	case err != nil:
		p.refuse(now, err)
	case ready:
		p.refused = ""
		p.observe.Observe(event.Event{At: now, Kind: event.LearnerPromoted,
			Message: fmt.Sprintf("member %s has a vote now: %s", own.MemberID, reason)})
	}
}

// ready compares the own member with the leader.
func (p *Promoter) ready(ctx context.Context, own cluster.Status) (bool, string, error) {
	members, err := p.cluster.Members(ctx)
	if err != nil {
		return false, "", err
	}
	for _, m := range members {
		if m.ID != own.Leader {
			continue
		}
		leader, err := p.cluster.MemberStatus(ctx, m)
		if err != nil {
			return false, "", err
		}
		ok, reason := cluster.CaughtUp(own, leader, promoteLag)
		return ok, reason, nil
	}
	return false, "", nil // an election; the next look tells more
}

// refuse tells of an error once.
func (p *Promoter) refuse(now time.Time, err error) {
	if err.Error() == p.refused {
		return
	}
	p.refused = err.Error()
	p.observe.Observe(event.Event{At: now, Kind: event.PromotionFailed, Level: event.Warn, Err: err,
		Message: "the own member is a learner and could not be promoted; it is tried again"})
}
