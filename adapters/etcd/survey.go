package etcd

import (
	"context"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// surveyTime is how long voters have to say how they are before a watch. It is
// only waited for where one keeps silent, as after its machine died.
const surveyTime = 500 * time.Millisecond

// silence is 0 for a member that answered and knows a leader, else 1.
func silence(answers map[cluster.ID]cluster.Status, m cluster.Member) int {
	if s, ok := answers[m.ID]; ok && s.Leader != 0 {
		return 0
	}
	return 1
}

// survey asks members for their status, all at once and briefly.
func (p *pool) survey(ctx context.Context, members []cluster.Member) map[cluster.ID]cluster.Status {
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	answers := make([]*cluster.Status, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			l, err := p.linkTo(m)
			if err != nil {
				return
			}
			if s, err := memberStatus(ctx, l); err == nil && s.MemberID == m.ID {
				answers[i] = &s
			}
		})
	}
	all.Wait()
	found := map[cluster.ID]cluster.Status{}
	for i, m := range members {
		if answers[i] != nil {
			found[m.ID] = *answers[i]
		}
	}
	return found
}
