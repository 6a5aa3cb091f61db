package role

import (
	"context"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

// Others is the rest of the cluster, to be asked who leads while the own member
// cannot say it. Every call ends with ctx.
type Others interface {
	// Members returns the member list.
	Members(ctx context.Context) ([]cluster.Member, error)
	// MemberStatus asks one member.
	MemberStatus(ctx context.Context, m cluster.Member) (cluster.Status, error)
}

// listLasts is after how long the member list is asked for anew.
const listLasts = time.Minute

// wantList has Run ask for the member list before the next poll.
func (p *Poller) wantList() {
	select {
	case p.wanted <- struct{}{}:
	default: // it was told already
	}
}

// list asks for the member list, for as long as limit at most; the last one
// stays if that fails. It is kept because a busy leader may not give it.
func (p *Poller) list(ctx context.Context, limit time.Duration) {
	if limit <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	members, err := p.others.Members(ctx)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members, p.listedAt = members, time.Now()
}

// listed returns the members as last listed, and when; never is the zero time.
func (p *Poller) listed() ([]cluster.Member, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.members, p.listedAt
}

// elsewhere asks all other members at once who leads, for a timeout at most, and
// returns the first answer that names somebody, nil if there is none.
func (p *Poller) elsewhere(ctx context.Context, own rolerule.Identity) *cluster.Status {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	members, at := p.listed()
	if at.IsZero() {
		p.list(ctx, p.config.Timeout/2)
		members, _ = p.listed()
	}
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
		best   *cluster.Status
	)
	for _, m := range members {
		if m.ID == own.MemberID {
			continue
		}
		asking.Go(func() {
			s, err := p.others.MemberStatus(ctx, m)
			if err != nil || s.ClusterID != own.ClusterID || s.Leader == 0 {
				return
			}
			cancel()
			mu.Lock()
			defer mu.Unlock()
			if best == nil || s.RaftTerm > best.RaftTerm { // of answers that come together
				best = &s
			}
		})
	}
	asking.Wait()
	return best
}
