package status_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/backup"
	proofs "github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/application/status"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/retention"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

// member answers the same each time.
type member cluster.Status

func (m member) Status(context.Context) (cluster.Status, error) { return cluster.Status(m), nil }

type nobody struct{}

func (nobody) Observe(event.Event)    {}
func (nobody) State() heartbeat.State { return heartbeat.State{Status: heartbeat.Off} }

// A sight is told from the first poll on, and none before.
func TestViewTellsWhatTheLastPollFound(t *testing.T) {
	for want, says := range map[rolerule.Sight]member{
		rolerule.Following: {MemberID: 1, Leader: 2},
		rolerule.Learning:  {MemberID: 1, Leader: 2, Learner: true},
		rolerule.NoLeader:  {MemberID: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := role.NewPoller(role.Config{Interval: time.Second, Timeout: time.Second}, says, nil, nobody{})
			r := status.NewReporter(status.About{}, p, backup.NewState(), nil, nobody{}, nothing{}, proofs.NewLedger())
			if got := r.View().Sight; got != "" {
				t.Errorf("before any poll: %q", got)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = p.Run(ctx, func(rolerule.Transition) {})
			}()
			synctest.Wait()
			if v := r.View(); v.Sight != want {
				t.Errorf("%q (%s), want %q", v.Sight, v.Reason, want)
			}
			cancel()
			<-ended
		})
	}
}

type nothing struct{}

func (nothing) State() retention.State { return retention.State{} }
