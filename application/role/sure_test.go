package role_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/application/role"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

func TestWhoIsPolledIsSureAtOnce(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, _ func() []rolerule.Role) {
		for range 20 {
			pass(300 * time.Millisecond)
			began := time.Now()
			if err := p.Sure(context.Background()); err != nil || time.Since(began) != 0 {
				t.Errorf("Sure = %v after %s", err, time.Since(began))
			}
			if err := p.Alive(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A process that was stopped does not go by what it knew before.
func TestAWokenLeaderAsksFirst(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		pass(config.Interval / 2)
		const stopped = 20 * time.Second
		m.set(answer{status: leading, frozen: stopped})
		pass(config.Interval/2 + stopped/2)
		m.is(leading)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := p.Sure(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while nobody polls: Sure = %v", err)
		}
		if err := p.Sure(context.Background()); err != nil {
			t.Errorf("Sure = %v", err)
		}
		_, ledAt := p.LedAt()
		if age := time.Since(ledAt); age > config.Interval+config.Timeout {
			t.Errorf("it is sure by an answer to a call of %s ago", age)
		}
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
	})
}

func TestAPollThatIsStuckIsNotAlive(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, _ func() []rolerule.Role) {
		pass(config.Interval / 2)
		m.set(answer{status: leading, frozen: time.Hour})
		pass(30 * time.Second)
		if err := p.Alive(); err != nil {
			t.Errorf("after half a minute: %v", err)
		}
		pass(time.Minute)
		if err := p.Alive(); err == nil {
			t.Error("after a minute and a half it is alive")
		}
		m.is(leading)
		pass(time.Hour)
		if err := p.Alive(); err != nil {
			t.Errorf("when it goes on: %v", err)
		}
	})
}
