package roles

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/application/role"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// hasty is so short of time that a defragmentation lasts several timeouts.
var hasty = role.Config{Interval: 100 * time.Millisecond, Timeout: 200 * time.Millisecond}

// The database is made larger until its defragmentation lasts long enough.
const (
	firstFill = 128 // MiB
	mostFill  = 2048
)

func TestABusyFollowerStaysOne(t *testing.T) {
	g, leader := startLarge(t)
	s := g.besides(leader)[0]
	p := g.beats(s, leader)
	// What a Follower's heartbeat needs of etcd is at the other voters.
	enough := func(w window) bool {
		_, succeeded := p.renewals.within(w.silence())
		return succeeded > 0 && w.saw.lists > 0 || len(w.saw.broken) > 0
	}
	w := g.keepsItsRole(s, rolerule.Follower, p, enough, func() (withdraw func()) {
		id, err := s.poller.AnnounceFor(s.id, "defragmentation", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return func() { s.poller.Withdraw(id) }
	})
	if asked, _ := s.others.since(w.from); asked > 0 {
		t.Errorf("a follower asked %d times who leads", asked)
	}
	p.unbroken(w)
	g.losesItsRole(s)
}

func TestABusyLeaderStaysOne(t *testing.T) {
	g, s := startLarge(t)
	p := g.beats(s, g.besides(s)[0])
	// etcd's leader renews leases, and tells of them, only once it has applied what
	// was written before, which waits for the end of the defragmentation. (With 3.7
	// FastLeaseKeepAlive spares calls to the leader itself that wait, unless it is
	// turned off; nothing is built on it.) So a leader must not be busy for longer
	// than its heartbeat outlasts: its TTL less an interval and a timeout, 3.5 s
	// here. A window beyond that shows nothing.
	enough := func(w window) bool {
		began, _ := p.renewals.within(w.silence())
		return began > 0
	}
	w := g.keepsItsRole(s, rolerule.Leader, p, enough, func() (withdraw func()) {
		return s.poller.Announce(s.id, "defragmentation", time.Now().Add(time.Minute))
	})
	asked, named := s.others.since(w.from)
	t.Logf("%d questions to others, %d named a leader", asked, named)
	if named == 0 || !w.said("says that it leads") {
		t.Errorf("nobody confirmed the lead in %d questions: %q", asked, w.reasons)
	}
	p.unbroken(w)
	g.losesItsRole(s)
}

func startLarge(t *testing.T) (g *group, leader *sidecar) {
	t.Helper()
	// etcd's own defaults for elections: a busy machine should not cause one.
	g = startGroup(t, newest, 3, hasty, servers.EtcdArgs("--quota-backend-bytes", fmt.Sprint(4*mostFill<<20),
		"--heartbeat-interval", "100", "--election-timeout", "1000"))
	g.fill(firstFill)
	return g, g.settle("one Leader")
}

// fill writes values of 1 MiB.
func (g *group) fill(n int) {
	g.t.Helper()
	c := oracle.Connect(g.t, g.etcd.Endpoints()...)
	value := string(bytes.Repeat([]byte("revision"), 1<<17))
	writers, ctx := errgroup.WithContext(g.t.Context())
	writers.SetLimit(4)
	for i := range n {
		writers.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			_, err := c.Put(ctx, fmt.Sprintf("large/%d", g.filled+i), value)
			return err
		})
	}
	if err := writers.Wait(); err != nil {
		g.t.Fatal(err)
	}
	g.filled += n
}

// window is a time in which a member was defragmented, and what its sidecar was
// meanwhile.
type window struct {
	from, to time.Time
	timeouts []time.Time // of status calls; from the first to the last its member did not answer
	roles    []rolerule.Role
	reasons  []string
	saw      sight // what the others saw of the heartbeat
}

func (w window) took() time.Duration { return w.to.Sub(w.from) }

// silence returns when the member is known to have answered nothing.
func (w window) silence() (from, to time.Time) {
	if len(w.timeouts) == 0 {
		return w.from, w.from
	}
	return w.timeouts[0], w.timeouts[len(w.timeouts)-1]
}

func (w window) said(part string) bool {
	return slices.ContainsFunc(w.reasons, func(r string) bool { return strings.Contains(r, part) })
}

// long reports whether the defragmentation lasted long enough to show something,
// and makes the next one longer if not.
func (g *group) long(s *sidecar, w window, enough func(window) bool) bool {
	g.t.Helper()
	g.t.Logf("defragmentation of %d MiB took %s; %d status calls of %s timed out", g.filled, w.took(), len(w.timeouts), s.Name)
	if w.took() >= 3*hasty.Timeout && len(w.timeouts) > 0 && enough(w) {
		return true
	}
	if g.filled >= mostFill {
		g.t.Fatalf("%d MiB are defragmented in %s: too fast for a status timeout of %s, or the heartbeat never got through", g.filled, w.took(), hasty.Timeout)
	}
	g.fill(g.filled / 2)
	return false
}

func (g *group) defragment(s *sidecar) window {
	g.t.Helper()
	c := oracle.Connect(g.t, s.Endpoint)
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	w := window{from: time.Now()}
	go func() {
		_, err := c.Defragment(ctx, s.Endpoint)
		done <- err
	}()
	for tick := time.NewTicker(hasty.Timeout / 20); ; <-tick.C {
		now := s.poller.Now()
		w.roles, w.reasons = append(w.roles, now.Role), append(w.reasons, now.Reason)
		select {
		case err := <-done:
			if err != nil {
				g.t.Fatalf("defragment %s: %v", s.Name, err)
			}
			w.to = time.Now()
			w.timeouts = s.member.timedOut(w.from, w.to)
			w.roles, w.reasons = slices.Compact(w.roles), slices.Compact(w.reasons)
			return w
		default:
		}
	}
}

// keepsItsRole defragments a member after an announcement: its sidecar stays what
// it is. A defragmentation during which etcd elected by itself shows nothing, nor
// does one of the leader that its heartbeat need not outlast, nor one that is not
// enough for what is to be shown.
func (g *group) keepsItsRole(s *sidecar, is rolerule.Role, p *pulse, enough func(window) bool, announce func() (withdraw func())) window {
	g.t.Helper()
	for range 15 {
		term := g.make(s, is)
		stop := p.watch()
		withdraw := announce()
		w := g.defragment(s)
		withdraw()
		w.saw = stop()
		// A call that was under way then has ended by:
		end := time.Now().Add(hasty.Timeout)
		if _, now := leads(g.t.Context(), g.settle("the roles after the defragmentation")); now != term {
			g.t.Logf("etcd elected meanwhile: raft term %d, it was %d", now, term)
			continue
		}
		if changes := s.between(w.from, end); len(changes) > 0 || len(w.roles) > 1 || w.roles[0] != is {
			g.t.Fatalf("%s was %v while it was busy: %v", s.Name, w.roles, changes)
		}
		if is == rolerule.Leader && w.took() >= outlasted {
			g.t.Logf("the defragmentation took %s, a leader's heartbeat outlasts %s", w.took(), outlasted)
			continue
		}
		if g.long(s, w, enough) {
			if !w.said("busy with announced maintenance") {
				g.t.Errorf("%s gave no reason: %q", s.Name, w.reasons)
			}
			return w
		}
	}
	g.t.Fatal("no defragmentation lasted long enough without an election")
	return window{}
}

// make gives a sidecar a role through its member, and returns the raft term.
func (g *group) make(s *sidecar, is rolerule.Role) (term uint64) {
	g.t.Helper()
	leader := g.settle("the roles before the defragmentation")
	for range 10 {
		switch {
		case is == rolerule.Leader && leader != s:
			g.move(leader, s)
		case is == rolerule.Follower && leader == s:
			g.move(s, g.besides(s)[0])
		default:
			_, term = leads(g.t.Context(), leader)
			return term
		}
		leader = g.settle("the roles after a moved lead")
	}
	g.t.Fatalf("%s cannot be made %s", s.Name, is)
	return 0
}

// losesItsRole is the control: without an announcement the same is Unknown.
func (g *group) losesItsRole(s *sidecar) {
	g.t.Helper()
	for {
		g.settle("the roles before a defragmentation that nobody announces")
		w := g.defragment(s)
		g.settle("the roles after it")
		if slices.Contains(w.roles, rolerule.Unknown) {
			return
		}
		if g.long(s, w, func(window) bool { return true }) {
			g.t.Fatalf("%s was %v while it was busy without an announcement", s.Name, w.roles)
		}
	}
}
