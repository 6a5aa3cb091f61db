package drill

import (
	"context"
	"fmt"
	"time"

	rule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/ports"
)

// Members are asked to drill in the leader's stead.
type Members interface {
	Cluster(ctx context.Context) (health.Cluster, error)
	Drill(ctx context.Context, m health.Member, t rule.Task) (rule.Outcome, error)
}

// Place has drills carried out beside a follower, and here where no follower can.
type Place struct {
	members Members
	here    *Driller
	name    string
	observe ports.Observer
}

// NewPlace returns a Place of the sidecar of that name.
func NewPlace(m Members, here *Driller, name string, o ports.Observer) *Place {
	return &Place{members: m, here: here, name: name, observe: o}
}

// Run carries a drill out and says beside which member; never beside the follower
// named besides, "" for any. What is wrong with the backup is wrong everywhere, so
// that nobody else is asked then.
func (p *Place) Run(ctx context.Context, t rule.Task, besides string) (rule.Outcome, string, error) {
	c, _ := p.members.Cluster(ctx) // without a member list there is nobody else
	for _, m := range rule.Places(c, besides) {
		out, err := p.members.Drill(ctx, m, t)
		switch kind := fault.KindOf(err); {
		case err == nil, ctx.Err() != nil, kind == fault.Corrupt, kind == fault.Diverged:
			return out, m.Member.Name, err
		}
		p.observe.Observe(event.Event{At: time.Now(), Kind: event.DrillMoved, Epoch: t.Epoch, Revision: t.Revision, Err: err,
			Message: fmt.Sprintf("%s cannot carry out the drill; another is asked, or the leader does it itself", m.Member.Name)})
	}
	out, err := p.here.Run(ctx, t)
	return out, p.name, err
}
