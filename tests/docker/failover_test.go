package docker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
)

// history is how many revisions there are before a test breaks something.
const history = 200

// TestLeadingPairDies is the main job: the leading member and its sidecar die
// under load, another goes on where they ended, and everything comes back.
func TestLeadingPairDies(t *testing.T) { leadingPairDies(t, "etcd37", 5) }

// leadingPairDies restores some random revisions at the end, and the newest.
func leadingPairDies(t *testing.T, version string, revisions int) {
	c := startCluster(t, version, setup{})
	leader := c.awaitLeader(c.pairs...)
	stop := c.startLoad(c.pairs...)
	c.awaitFull(leader)
	c.awaitDurable(leader, history)
	c.takeFull() // so that some revisions are before the newest full, some after

	moment := rand.N(4 * time.Second)
	await(t, moment)
	leader = c.awaitLeader(c.pairs...)
	t.Logf("%s leads and dies, %s after the full", leader.name, moment.Round(time.Millisecond))
	leader.kill()
	killed := time.Now()
	before := c.unbroken()

	next := c.awaitLeader(c.but(leader)...)
	t.Logf("%s leads %s after the kill", next.name, time.Since(killed).Round(100*time.Millisecond))
	c.awaitDurable(next, newest(before)+1)
	t.Logf("its first delta is stored %s after the kill", time.Since(killed).Round(100*time.Millisecond))
	c.continues(before, c.unbroken())

	leader.restart()
	c.awaitRole(leader, openapi.RoleFollower)
	c.check("the leading pair is killed, " + version)
	operations, acknowledged := stop()
	c.comesBack(acknowledged, revisions)
	t.Logf("%d operations were acknowledged", operations)
}

// comesBack flushes, and restores the newest revision, some before it, and the
// newest once more for clients.
func (c *cluster) comesBack(acknowledged int64, revisions int) {
	c.t.Helper()
	committed := c.head(c.pairs...)
	leader := c.flush()
	line := c.unbroken()
	window := line.Windows[0]
	// More may be stored: writes that nobody waits for any more, but etcd commits.
	if window.Last < committed || committed < acknowledged {
		c.t.Fatalf("up to revision %d can be restored, before the flush %d was committed and %d acknowledged", window.Last, committed, acknowledged)
	}
	c.t.Logf("restorable: %d to %d, out of %d full(s) and %d deltas", window.First, window.Last, len(line.Fulls), len(line.Deltas))
	targets := []int64{window.Last}
	for range revisions {
		targets = append(targets, window.First+rand.N(window.Last-window.First))
	}
	for _, target := range targets {
		c.subtest(fmt.Sprintf("revision %d is back", target), func(c *cluster) {
			c.sameAt(oracle.Connect(c.t, leader.client), target)
		})
	}
	c.subtest("the newest serves clients", func(c *cluster) { c.serves(oracle.Connect(c.t, leader.client), window.Last) })
}

// await lets time pass.
func await(t testing.TB, d time.Duration) {
	t.Helper()
	pause(t.Context(), d)
	if err := t.Context().Err(); err != nil {
		t.Fatal(err)
	}
}
