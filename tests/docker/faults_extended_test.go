//go:build extended

package docker

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ory/dockertest/v3/docker"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// scenario is something that happens to a cluster under load.
type scenario struct {
	name string
	// strike breaks something; leading is the pair that leads.
	strike func(c *cluster, leading *pair)
	// meanwhile waits for what must be so while it is broken.
	meanwhile func(c *cluster, leading *pair)
	// mend makes it whole again.
	mend func(c *cluster, leading *pair)
	// full has a full begin just before the strike, which may end with it.
	full bool
	// silent: the pair that led stops to show that it is well.
	silent bool
}

// TestExtendedFaults: one fault after the other happens to one cluster under
// load. After each the checker's invariants hold, the same timeline has gone on,
// and no full was needed for that.
func TestExtendedFaults(t *testing.T) {
	c := startCluster(t, "etcd37", setup{
		links: true,
		// What waits for the store is to be on disk too.
		sidecar: []string{"--backup-spill-memory", "64KiB", "--backup-flush-bytes", "256KiB"},
	})
	leader := c.awaitLeader(c.pairs...)
	stop := c.startLoad(c.pairs...)
	c.awaitFull(leader)
	c.awaitDurable(leader, history)
	for _, s := range scenarios {
		survived := false
		c.subtest(s.name, func(c *cluster) {
			c.suffers(s)
			survived = true
		})
		if t.Failed() && !survived {
			t.FailNow() // the cluster may be in any state
		}
	}
	_, acknowledged := stop()
	c.comesBack(acknowledged, 2)
}

// suffers lets a scenario happen and checks everything afterwards.
func (c *cluster) suffers(s scenario) {
	c.t.Helper()
	c.awaitLeader(c.pairs...)
	leading := c.awaitStored(0, c.pairs...)
	before := c.unbroken()
	if s.full {
		c.beginFull(leading)
	}
	struck := time.Now()
	s.strike(c, leading)
	c.checker.held(c.t, struck)
	s.meanwhile(c, leading)
	if s.silent {
		c.awaitLapse(leading)
	}
	s.mend(c, leading)
	mended := time.Now()
	c.awaitLeader(c.pairs...)
	next := c.awaitStored(0, c.pairs...)
	c.t.Logf("%s led when it happened, %s leads now; mended after %s, well again %s later", leading.name, next.name,
		mended.Sub(struck).Round(100*time.Millisecond), time.Since(mended).Round(100*time.Millisecond))
	c.check(s.name)
	after := c.unbroken()
	if s.full { // whether it is there is a matter of luck
		after.Fulls = before.Fulls
	}
	c.extends(before, after)
}

// beginFull has a full begin and does not wait for its end.
func (c *cluster) beginFull(p *pair) {
	c.t.Helper()
	var asked sync.WaitGroup
	asked.Go(func() { _ = p.call(c.t.Context(), http.MethodPost, "/v1/snapshots/full", patience, nil) })
	c.t.Cleanup(asked.Wait) // the test's context is over by then
	eventually(c.t, "a full to begin", func() error {
		var found openapi.Events
		if err := p.call(c.t.Context(), http.MethodGet, "/v1/events?limit=20", time.Second, &found); err != nil {
			return err
		}
		for i := len(found.Events) - 1; i >= 0; i-- {
			if found.Events[i].Kind == "full_started" && time.Since(found.Events[i].At) < 5*time.Second {
				return nil
			}
		}
		return errors.New("no event says so")
	})
}

// anotherGoesOn waits until one of the other pairs leads and has stored more.
func anotherGoesOn(c *cluster, leading *pair) {
	c.t.Helper()
	c.awaitLeader(c.but(leading)...)
	c.awaitStored(1, c.but(leading)...)
}

// anotherGoesOnAlone does so too, and waits until the leader that was sees that
// it leads no more.
func anotherGoesOnAlone(c *cluster, leading *pair) {
	c.t.Helper()
	c.awaitRole(leading, openapi.RoleUnknown)
	anotherGoesOn(c, leading)
	c.awaitRole(leading, openapi.RoleUnknown)
}

// nobodyGoesOn makes sure for some polls that no other sidecar leads, as long as
// the leading member does.
func nobodyGoesOn(c *cluster, leading *pair) {
	c.t.Helper()
	before, err := leading.raft(c.t.Context(), lookTimeout)
	if err != nil {
		c.t.Fatalf("ask %s: %v", leading.name, err)
	}
	var lead []string
	for end := time.Now().Add(3 * (pollInterval + statusTimeout)); time.Now().Before(end); await(c.t, lookInterval) {
		for _, p := range c.but(leading) {
			if st, err := c.status(p); err == nil && st.Role == openapi.RoleLeader {
				lead = append(lead, fmt.Sprintf("%s leads: %s", p.name, st.Reason))
			}
		}
	}
	after, err := leading.raft(c.t.Context(), lookTimeout)
	if err == nil && after.term == before.term && after.leader == after.member && len(lead) > 0 {
		c.t.Errorf("%s leads etcd all the time, and %q", leading.name, lead)
	}
}

var scenarios = []scenario{
	{
		name:      "the leader's etcd is killed",
		strike:    func(_ *cluster, p *pair) { p.etcd.kill() },
		meanwhile: anotherGoesOnAlone,
		mend:      func(_ *cluster, p *pair) { p.etcd.restart() },
		silent:    true,
	}, {
		name:      "the leader's sidecar is killed",
		strike:    func(_ *cluster, p *pair) { p.sidecar.kill() },
		meanwhile: nobodyGoesOn,
		mend:      func(_ *cluster, p *pair) { p.sidecar.restart() },
		full:      true,
		silent:    true,
	}, {
		name:      "the leading pair is killed",
		strike:    func(_ *cluster, p *pair) { p.kill() },
		meanwhile: anotherGoesOn,
		mend:      func(_ *cluster, p *pair) { p.restart() },
		full:      true,
		silent:    true,
	}, {
		name:      "the leader's etcd is stopped",
		strike:    func(_ *cluster, p *pair) { p.etcd.signal(docker.SIGSTOP) },
		meanwhile: anotherGoesOnAlone,
		mend:      func(_ *cluster, p *pair) { p.etcd.signal(docker.SIGCONT) },
		silent:    true,
	}, {
		name:      "the leader's sidecar is stopped",
		strike:    func(_ *cluster, p *pair) { p.sidecar.signal(docker.SIGSTOP) },
		meanwhile: nobodyGoesOn,
		mend:      func(_ *cluster, p *pair) { p.sidecar.signal(docker.SIGCONT) },
		full:      true,
		silent:    true,
	}, {
		name:   "the leader's sidecar is stopped and wakes when another leads",
		strike: func(_ *cluster, p *pair) { p.sidecar.signal(docker.SIGSTOP) },
		meanwhile: func(c *cluster, p *pair) {
			c.moveLeader(c.but(p)[0])
			anotherGoesOn(c, p)
			await(c.t, 2*(pollInterval+statusTimeout))
		},
		mend: func(_ *cluster, p *pair) { p.sidecar.signal(docker.SIGCONT) },
		full: true,
	}, {
		name: "the leading pair is stopped",
		strike: func(_ *cluster, p *pair) {
			p.etcd.signal(docker.SIGSTOP)
			p.sidecar.signal(docker.SIGSTOP)
		},
		meanwhile: anotherGoesOn,
		mend: func(_ *cluster, p *pair) {
			p.sidecar.signal(docker.SIGCONT)
			p.etcd.signal(docker.SIGCONT)
		},
		silent: true,
	}, {
		name:      "the leader is cut off with its sidecar on its side",
		strike:    func(c *cluster, p *pair) { p.etcd.leave(c.peers) },
		meanwhile: anotherGoesOnAlone,
		mend:      func(c *cluster, p *pair) { p.etcd.join(c.peers, directName(p.name)) },
		silent:    true,
	}, {
		name: "the leader is cut off with its sidecar on the other side",
		strike: func(c *cluster, p *pair) {
			p.etcd.leave(c.front)
			p.etcd.leave(c.peers)
		},
		meanwhile: anotherGoesOnAlone,
		mend: func(c *cluster, p *pair) {
			p.etcd.join(c.front, p.name)
			p.etcd.join(c.peers, directName(p.name))
		},
		silent: true,
	}, {
		name: "the quorum is lost",
		strike: func(c *cluster, p *pair) {
			for _, other := range c.but(p) {
				other.etcd.kill()
			}
		},
		meanwhile: nobodyLeads,
		mend: func(c *cluster, p *pair) {
			for _, other := range c.but(p) {
				other.etcd.restart()
			}
		},
	}, {
		name:      "everything is restarted in turn",
		strike:    restartInTurn,
		meanwhile: func(*cluster, *pair) {},
		mend:      func(*cluster, *pair) {},
	}, {
		name:      "the leading member is replaced",
		strike:    func(c *cluster, p *pair) { c.removePair(p) },
		meanwhile: anotherGoesOn,
		mend:      func(c *cluster, p *pair) { c.addPair(p) },
	}, {
		name:      "peers are 200 ms apart and the leading pair is killed",
		strike:    func(c *cluster, _ *pair) { c.delayPeers(200 * time.Millisecond) },
		meanwhile: failOverFarApart,
		mend:      func(c *cluster, _ *pair) { c.delayPeers(0) },
	}, {
		name: "the store is cut off for a minute",
		strike: func(c *cluster, _ *pair) {
			await(c.t, calm)
			c.store.leave(c.front)
		},
		meanwhile: etcdDoesNotNotice,
		mend:      func(c *cluster, _ *pair) { c.store.join(c.front, c.store.name) },
	},
}

// nobodyLeads waits until every sidecar knows that there is no leader, and makes
// sure that nothing is stored from then on.
func nobodyLeads(c *cluster, _ *pair) {
	c.t.Helper()
	for _, p := range c.pairs {
		c.awaitRole(p, openapi.RoleUnknown)
	}
	await(c.t, 2*lookInterval) // what was under way arrives
	before := len(c.checker.objects.listing())
	await(c.t, 3*flushAge)
	if after := len(c.checker.objects.listing()); after != before {
		c.t.Errorf("%d objects were stored while there was no leader", after-before)
	}
}

// restartInTurn ends and starts each pair as an operator does: the sidecar before
// its etcd, and the next pair when all is well.
func restartInTurn(c *cluster, leading *pair) {
	c.t.Helper()
	for _, p := range append([]*pair{leading}, c.but(leading)...) {
		if code := p.sidecar.stop(); code != 0 {
			c.t.Errorf("the sidecar of %s ended with %d after SIGTERM", p.name, code)
		}
		p.etcd.stop()
		p.restart()
		now := c.awaitLeader(c.pairs...)
		c.t.Logf("%s is back, %s leads", p.name, now.name)
	}
}

// failOverFarApart lets the leading pair of a cluster whose members are far from
// each other die, and come back.
func failOverFarApart(c *cluster, _ *pair) {
	c.t.Helper()
	c.awaitLeader(c.pairs...)
	leading := c.awaitStored(1, c.pairs...)
	leading.kill()
	anotherGoesOn(c, leading)
	leading.restart()
	c.awaitLeader(c.pairs...)
	c.awaitStored(1, c.pairs...)
}

// delayPeers changes how long what members say to each other is under way.
func (c *cluster) delayPeers(each time.Duration) {
	c.t.Helper()
	for _, p := range c.pairs {
		url := fmt.Sprintf("http://%s/delay?each=%s", p.link.address(), each)
		eventually(c.t, "the link to "+p.name+" to delay", func() error {
			req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPut, url, nil)
			if err != nil {
				return err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != http.StatusOK {
				return errors.New(resp.Status)
			}
			return nil
		})
	}
}
