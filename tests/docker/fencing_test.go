package docker

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// together is how long two sidecars lead at once before the test heals what
// keeps them apart.
const together = 6 * time.Second

// TestTwoLead: the leading member is cut off from its peers and does not notice,
// while clients, its sidecar and the store still reach it. The others elect
// another. Both sidecars rightly believe that their member leads, and both
// upload. Neither damages what the other stores.
func TestTwoLead(t *testing.T) {
	// A leader steps down when it heard of no quorum for an election timeout. That
	// of the first member is longer than the test, and it never stands for election
	// by itself, so it is made to lead.
	c := startCluster(t, "etcd37", setup{members: map[string][]string{
		"m0": {"--heartbeat-interval", "100", "--election-timeout", "50000"},
	}})
	old := c.pairs[0]
	c.awaitLeader(c.pairs...)
	c.moveLeader(old)
	c.awaitLeader(c.pairs...)
	stop := c.startLoad(c.but(old)...) // what reaches the old leader is never committed
	c.awaitFull(old)
	c.awaitDurable(old, history)

	old.etcd.leave(c.peers)
	cut := time.Now()
	next := c.awaitLeader(c.but(old)...)
	elected := time.Now()
	t.Logf("%s leads beside %s %s after the cut", next.name, old.name, elected.Sub(cut).Round(100*time.Millisecond))
	// Fulls of both at once, while both store deltas.
	var fulls sync.WaitGroup
	for _, p := range []*pair{old, next} {
		fulls.Go(func() {
			if err := p.call(t.Context(), http.MethodPost, "/v1/snapshots/full", patience, nil); err != nil {
				t.Errorf("a full by %s: %v", p.name, err)
			}
		})
	}
	await(t, together)
	fulls.Wait()
	both := c.checker.roles.ledTogether(elected, old.name, next.name)
	healed := time.Now()
	old.etcd.join(c.peers, peerName(old.name))
	c.awaitLeader(c.pairs...)
	t.Logf("one leads again %s after the cut was healed", time.Since(healed).Round(100*time.Millisecond))
	c.check("two lead at once")

	if both < together/2 {
		t.Errorf("%s and %s led together for %s only", old.name, next.name, both)
	}
	wrote := c.checker.begunBetween(elected, healed)
	t.Logf("they led together for %s; begun meanwhile: %v", both.Round(100*time.Millisecond), wrote)
	for _, p := range []*pair{old, next} {
		for _, kind := range []snapshot.Kind{snapshot.KindDelta, snapshot.KindFull} {
			if wrote[fmt.Sprintf("%s by %s", kind, p.name)] == 0 {
				t.Errorf("%s stored no %s", p.name, kind)
			}
		}
	}
	_, acknowledged := stop()
	c.comesBack(acknowledged, 2)
}

// begunBetween counts the objects in the store that were begun in a time, by
// kind and writer.
func (k *checker) begunBetween(from, to time.Time) map[string]int {
	n := map[string]int{}
	for _, w := range k.read.written {
		if w.writer.BegunAt.After(from) && w.writer.BegunAt.Before(to) {
			n[fmt.Sprintf("%s by %s", w.kind, w.writer.Member)]++
		}
	}
	return n
}
