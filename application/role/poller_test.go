package role_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

// answer is what a fake member says when it is asked.
type answer struct {
	status cluster.Status
	err    error
	hangs  bool          // until the call ends
	after  time.Duration // what it takes to answer
	frozen time.Duration // what it takes whatever the call's context: this process is stopped
}

func (a answer) give(ctx context.Context) (cluster.Status, error) {
	time.Sleep(a.frozen)
	var asked <-chan time.Time
	switch {
	case a.hangs:
	case a.after == 0:
		return a.status, a.err // it was there before the call's time was over
	default:
		patience := time.NewTimer(a.after)
		defer patience.Stop()
		asked = patience.C
	}
	select {
	case <-asked:
		return a.status, a.err
	case <-ctx.Done():
		return cluster.Status{}, fault.Wrap(fault.Unavailable, "status", "", ctx.Err())
	}
}

// member answers what the test says, and counts.
type member struct {
	mu    sync.Mutex
	says  answer
	calls []time.Time
}

func (m *member) is(s cluster.Status) { m.set(answer{status: s}) }

func (m *member) hang() { m.set(answer{hangs: true}) }

func (m *member) set(a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.says = a
}

func (m *member) Status(ctx context.Context) (cluster.Status, error) {
	m.mu.Lock()
	m.calls = append(m.calls, time.Now())
	says := m.says
	m.mu.Unlock()
	return says.give(ctx)
}

// polls returns when the member was asked.
func (m *member) polls() []time.Time {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// keepDistance checks how far the polls from the given one on are apart.
func (m *member) keepDistance(t *testing.T, first int, want time.Duration) {
	t.Helper()
	polls := m.polls()
	for i := first + 1; i < len(polls); i++ {
		if d := polls[i].Sub(polls[i-1]); d != want {
			t.Errorf("poll %d came after %s, want %s", i, d, want)
		}
	}
}

// others is the rest of a cluster that answers what the test says, and counts.
type others struct {
	mu    sync.Mutex
	says  map[cluster.ID]answer // members 1 to 3 are listed in any case
	list  answer                // how the member list is answered
	lists []time.Time
	asked []cluster.ID
}

func (o *others) set(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *others) Members(ctx context.Context) ([]cluster.Member, error) {
	o.mu.Lock()
	o.lists = append(o.lists, time.Now())
	list := o.list
	o.mu.Unlock()
	if _, err := list.give(ctx); err != nil {
		return nil, err
	}
	return []cluster.Member{{ID: 1}, {ID: 2}, {ID: 3}}, nil
}

func (o *others) MemberStatus(ctx context.Context, m cluster.Member) (cluster.Status, error) {
	o.mu.Lock()
	o.asked = append(o.asked, m.ID)
	says, ok := o.says[m.ID]
	o.mu.Unlock()
	if !ok {
		return cluster.Status{}, fault.New(fault.Unavailable, "status", m.ID.String(), "connection refused")
	}
	return says.give(ctx)
}

// was returns when the member list was asked for, and who was asked for a status.
func (o *others) was() (lists []time.Time, asked []cluster.ID) {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lists), slices.Clone(o.asked)
}

// alone is the rest of a cluster of one.
type alone struct{}

func (alone) Members(context.Context) ([]cluster.Member, error) {
	return []cluster.Member{{ID: leading.MemberID}}, nil
}

func (alone) MemberStatus(context.Context, cluster.Member) (cluster.Status, error) {
	return cluster.Status{}, errors.New("a member of a cluster of one was taken for another")
}

var (
	leading   = cluster.Status{ClusterID: 9, MemberID: 1, Leader: 1, RaftTerm: 2}
	following = cluster.Status{ClusterID: 9, MemberID: 1, Leader: 2, RaftTerm: 2}
	refused   = answer{err: fault.New(fault.Unavailable, "status", "", "connection refused")}
	config    = role.Config{Interval: 2 * time.Second, Timeout: time.Second}
)

type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (e *events) Observe(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// poll runs a poller under fake time while play goes on.
func poll(t *testing.T, m *member, play func(p *role.Poller, entered func() []rolerule.Role)) {
	t.Helper()
	pollAmong(t, config, m, alone{}, play)
}

func pollAmong(t *testing.T, c role.Config, m *member, o role.Others, play func(p *role.Poller, entered func() []rolerule.Role)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := role.NewPoller(c, m, o, &events{})
		var mu sync.Mutex
		var roles []rolerule.Role
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- p.Run(ctx, func(tr rolerule.Transition) {
				mu.Lock()
				defer mu.Unlock()
				roles = append(roles, tr.To)
			})
		}()
		synctest.Wait()
		play(p, func() []rolerule.Role {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return append([]rolerule.Role(nil), roles...)
		})
		cancelled := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(cancelled); took != 0 {
			t.Errorf("Run ended %s after its context", took)
		}
	})
}

// pass lets time pass, and everything that is due then happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func wantRoles(t *testing.T, got []rolerule.Role, want ...rolerule.Role) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("roles %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("roles %v, want %v", got, want)
		}
	}
}

func TestEverySidecarStartsAsFollowerAndPollsEachInterval(t *testing.T) {
	m := &member{}
	m.is(following)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		wantRoles(t, entered(), rolerule.Follower)
		pass(20*time.Second + time.Millisecond)
		if n := len(m.polls()); n != 11 {
			t.Errorf("%d polls in 20 s of 2 s, and one at once", n)
		}
		m.keepDistance(t, 0, config.Interval)
		m.is(leading)
		pass(config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		if now := p.Now(); now.Role != rolerule.Leader || now.Status.RaftTerm != leading.RaftTerm || now.Err != nil {
			t.Errorf("now %+v", now)
		}
	})
}

func TestAMemberThatHangsMakesUnknownAndRecovers(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		m.hang()
		pass(config.Interval + config.Timeout - time.Nanosecond)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		pass(time.Nanosecond)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
		if p.Now().Err == nil || p.Now().At.IsZero() {
			t.Errorf("now %+v", p.Now())
		}
		pass(10 * config.Interval)
		m.keepDistance(t, 0, config.Interval)
		m.is(leading)
		pass(2 * config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown, rolerule.Leader)
	})
}

func TestAMemberThatAnswersJustInTimeIsBelieved(t *testing.T) {
	m := &member{}
	m.set(answer{status: leading, after: config.Timeout - time.Nanosecond})
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		pass(10 * config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		m.keepDistance(t, 0, config.Interval)
	})
}

func TestAnnouncedMaintenanceKeepsTheRoleForTimeoutsOnly(t *testing.T) {
	t.Run("a timeout keeps the role until the deadline", func(t *testing.T) {
		m := &member{}
		m.is(leading)
		poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
			p.Announce(leading.MemberID, "defragmentation", time.Now().Add(20*time.Second))
			m.hang()
			pass(15 * time.Second)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
			if !strings.Contains(p.Now().Reason, "defragmentation") {
				t.Errorf("reason %q", p.Now().Reason)
			}
			pass(15 * time.Second)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
		})
	})
	t.Run("a refusal does not", func(t *testing.T) {
		m := &member{}
		m.is(leading)
		poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
			p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Hour))
			m.set(refused)
			pass(config.Interval)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
		})
	})
	t.Run("nor does one that is over", func(t *testing.T) {
		m := &member{}
		m.is(leading)
		poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
			p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Hour))()
			m.hang()
			pass(config.Interval + config.Timeout)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
		})
	})
	t.Run("nor one of another member", func(t *testing.T) {
		m := &member{}
		m.is(leading)
		poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
			p.Announce(2, "defragmentation", time.Now().Add(time.Hour))
			m.hang()
			pass(config.Interval + config.Timeout)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
		})
	})
}

func TestAnEndpointThatAnswersForAnotherMemberIsUnknown(t *testing.T) {
	m := &member{}
	m.is(following)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		other := leading
		other.MemberID, other.Leader = 7, 7
		m.is(other)
		pass(3 * config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Unknown)
		if r := p.Now().Reason; !strings.Contains(r, "member 7") || !strings.Contains(r, "was 1") {
			t.Errorf("reason %q names not both", r)
		}
		m.is(following)
		pass(config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Unknown, rolerule.Follower)
	})
}

func TestValidate(t *testing.T) {
	if ps := config.Validate(); len(ps) > 0 {
		t.Errorf("%v", ps)
	}
	if ps := (role.Config{Interval: time.Millisecond, Timeout: time.Hour}).Validate(); len(ps) != 2 {
		t.Errorf("%v, want both", ps)
	}
}
