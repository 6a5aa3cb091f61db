package roles

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/tests/fake"
)

// puppet is the own member, which leads as long as the test wants.
type puppet struct {
	*history
	mu    sync.Mutex
	leads bool
}

func (p *puppet) lead(leads bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leads = leads
}

func (p *puppet) Status(context.Context) (cluster.Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := cluster.Status{ClusterID: 12, MemberID: 1, Leader: 2}
	if p.leads {
		s.Leader = s.MemberID
	}
	return s, nil
}

// A real backup is started and stopped with the role, again and again, while the
// cluster is written to and uploads hang. Each end is immediate, nothing is
// stored after it, and the bucket holds one history without a gap.
func TestABackupFollowsTheRole(t *testing.T) {
	const flaps = 100
	synctest.Test(t, func(t *testing.T) {
		h, store := &history{head: 10}, fake.NewObjectStore()
		own := &puppet{history: h}
		c := role.Config{Interval: 200 * time.Millisecond, Timeout: 100 * time.Millisecond}
		l := newLeader(t, "flapping", h, store, 100*time.Millisecond)
		p := role.NewPoller(c, own, h, l.events)
		s := supervise.New(p, []supervise.Duty{{Name: rolerule.Backup, Run: l.Run}}, nil, time.Second, l.events)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		rng := rand.New(rand.NewPCG(1, 1))
		pass := func(longest time.Duration) {
			for range rng.IntN(20) {
				time.Sleep(longest / 20)
				h.write(rng.Int64N(2))
			}
			synctest.Wait()
		}
		for i := range flaps {
			own.lead(true)
			if i%2 == 1 {
				store.Inject(fake.Fault{Op: fake.Create, Hang: true, Times: -1, Skip: rng.IntN(5)})
			}
			pass(2 * time.Second)
			own.lead(false)
			for p.Now().Role == rolerule.Leader {
				time.Sleep(time.Millisecond)
			}
			synctest.Wait()
			if now := p.Now(); len(s.Duties()) > 0 || l.state.Running() || now.Role != rolerule.Follower {
				t.Fatalf("%v run %s after the lead was lost: %+v", s.Duties(), time.Since(now.Since), now)
			}
			creates := store.Calls(fake.Create)
			store.Heal()
			pass(time.Second)
			if n := store.Calls(fake.Create); n != creates {
				t.Fatalf("%d objects were written without the lead", n-creates)
			}
		}
		own.lead(true)
		l.awaitDurable(h.write(1))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(l.events.of(event.DutyStarted)); n < flaps*3/4 {
			t.Errorf("it led %d times: the test tests little", n)
		}
		oneWholeHistory(t, store, h.write(0))
	})
}
