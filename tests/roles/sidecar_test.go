// Package roles shows that the role of each sidecar is right whatever happens to
// etcd: real members, real role polls, and what hangs on the role.
package roles

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// patience is many times what a role needs to follow: an election, a poll
// interval and a status timeout.
const patience = 60 * time.Second

// group is a cluster with a role poll beside each member.
type group struct {
	t        *testing.T
	version  string
	etcd     *servers.Etcd
	sidecars []*sidecar
	filled   int // MiB written by fill
}

// sidecar is the role poll beside one member, in process.
type sidecar struct {
	*servers.EtcdMember
	id      cluster.ID
	clients *etcd.Clients
	poller  *role.Poller
	member  *member
	others  *others

	mu      sync.Mutex
	entered []entry
}

type entry struct {
	at time.Time
	rolerule.Transition
}

func startGroup(t *testing.T, version string, n int, c role.Config, opts ...servers.EtcdOption) *group {
	t.Helper()
	g := &group{t: t, version: version, etcd: servers.StartEtcd(t, version, n, opts...)}
	for _, m := range g.etcd.Members {
		g.add(m, c)
	}
	return g
}

// add starts a role poll beside a member; it ends with the test.
func (g *group) add(m *servers.EtcdMember, c role.Config) *sidecar {
	g.t.Helper()
	clients, err := etcd.Dial(etcd.Config{Endpoint: m.Endpoint}, slog.New(slog.DiscardHandler))
	if err != nil {
		g.t.Fatal(err)
	}
	s := &sidecar{EtcdMember: m, clients: clients, member: &member{Member: clients.Member}, others: &others{Cluster: clients.Cluster}}
	s.poller = role.NewPoller(c, s.member, s.others, discard{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.poller.Run(ctx, s.enter) }()
	g.t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			g.t.Errorf("%s: Run = %v", m.Name, err)
		}
		if g.t.Failed() {
			g.t.Logf("%s was %v", m.Name, s.story())
		}
		_ = clients.Close()
	})
	g.eventually(m.Name+" to answer its role poll", func() error {
		now := s.poller.Now()
		if s.id = now.Status.MemberID; s.id == 0 {
			return fmt.Errorf("no answer yet: %w", now.Err)
		}
		return nil
	})
	g.sidecars = append(g.sidecars, s)
	return s
}

func (s *sidecar) enter(t rolerule.Transition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entered = append(s.entered, entry{time.Now(), t})
}

// between returns the changes of role between two instants.
func (s *sidecar) between(from, to time.Time) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.entered), func(e entry) bool { return e.at.Before(from) || e.at.After(to) })
}

func (s *sidecar) story() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range s.entered {
		out = append(out, fmt.Sprintf("\n%s %s: %s", e.at.Format("15:04:05.000"), e.To, e.Reason))
	}
	return out
}

// member is the own member with a note of when its status call timed out.
type member struct {
	ports.Member
	mu       sync.Mutex
	timeouts []time.Time
}

func (m *member) Status(ctx context.Context) (cluster.Status, error) {
	s, err := m.Member.Status(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.timeouts = append(m.timeouts, time.Now())
	}
	return s, err
}

// timedOut returns when status calls timed out between two instants.
func (m *member) timedOut(from, to time.Time) []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.timeouts), func(at time.Time) bool { return at.Before(from) || at.After(to) })
}

// others is the rest of the cluster with a note of what it was asked.
type others struct {
	ports.Cluster
	mu      sync.Mutex
	answers []confirmation
}

type confirmation struct {
	at     time.Time // when it was asked
	leader cluster.ID
}

func (o *others) MemberStatus(ctx context.Context, m cluster.Member) (cluster.Status, error) {
	asked := time.Now()
	s, err := o.Cluster.MemberStatus(ctx, m)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, confirmation{asked, s.Leader})
	return s, err
}

// since returns how often somebody was asked for a status, and got one that
// names a leader.
func (o *others) since(from time.Time) (asked, named int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.answers {
		if c.at.After(from) {
			asked++
			if c.leader != 0 {
				named++
			}
		}
	}
	return asked, named
}

type discard struct{}

func (discard) Observe(event.Event) {}

// eventually waits until try succeeds.
func (g *group) eventually(what string, try func() error) {
	g.t.Helper()
	began := time.Now()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		err := try()
		if err == nil {
			g.t.Logf("%s after %s", what, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > patience {
			g.t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

// leads asks a member itself, past everything that is tested, whether it leads,
// and returns its raft term.
func leads(ctx context.Context, s *sidecar) (bool, uint64) {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint}, DialTimeout: time.Second, Logger: zap.NewNop()})
	if err != nil {
		return false, 0
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := c.Status(ctx, s.Endpoint)
	if err != nil {
		return false, 0
	}
	return r.Leader == r.Header.MemberId, r.RaftTerm
}

// settle waits until the roles are what they must be while some members are
// away: theirs is Unknown, of the others exactly the one beside etcd's leader is
// Leader and the rest are Followers. It returns the leader.
func (g *group) settle(what string, away ...*sidecar) (leader *sidecar) {
	g.t.Helper()
	g.eventually(what, func() error {
		leader = nil
		for _, s := range g.sidecars {
			now := s.poller.Now()
			switch {
			case slices.Contains(away, s):
				if now.Role != rolerule.Unknown {
					return fmt.Errorf("%s is %s, its member is away", s.Name, now.Role)
				}
			case now.Role == rolerule.Leader && leader != nil:
				return fmt.Errorf("%s and %s are Leader", leader.Name, s.Name)
			case now.Role == rolerule.Leader:
				leader = s
			case now.Role != rolerule.Follower:
				return fmt.Errorf("%s is %s: %s", s.Name, now.Role, now.Reason)
			}
		}
		if leader == nil {
			return errors.New("nobody is Leader")
		}
		truly, term := leads(g.t.Context(), leader)
		if led, at := leader.poller.LedAt(); !truly || led != term || time.Since(at) > patience {
			return fmt.Errorf("%s is Leader, of term %d as of %s; its member leads: %v, term %d", leader.Name, led, at, truly, term)
		}
		return nil
	})
	return leader
}

// unknown waits until every sidecar is Unknown, each for the reason that is
// given for it.
func (g *group) unknown(what string, reasons map[*sidecar]string) {
	g.t.Helper()
	g.eventually(what, func() error {
		for _, s := range g.sidecars {
			if now := s.poller.Now(); now.Role != rolerule.Unknown || !strings.Contains(now.Reason, reasons[s]) {
				return fmt.Errorf("%s is %s (%s), want Unknown: %s", s.Name, now.Role, now.Reason, reasons[s])
			}
		}
		return nil
	})
}

// besides returns the sidecars without one.
func (g *group) besides(one *sidecar) []*sidecar {
	return slices.DeleteFunc(slices.Clone(g.sidecars), func(s *sidecar) bool { return s == one })
}

// move gives etcd's lead to a member.
func (g *group) move(from, to *sidecar) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	if _, err := oracle.Connect(g.t, from.Endpoint).MoveLeader(ctx, uint64(to.id)); err != nil {
		g.t.Fatalf("move the lead from %s to %s: %v", from.Name, to.Name, err)
	}
}

func restart(g *group, sidecars ...*sidecar) {
	g.t.Helper()
	var members []*servers.EtcdMember
	for _, s := range sidecars {
		members = append(members, s.EtcdMember)
	}
	g.etcd.Restart(members...)
}
