//go:build extended

package docker

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// repeats is the variable that says how often the leading pair is killed.
const repeats = "REVKEEPER_REPEAT"

// takeover is how long it took after the leading pair was killed.
type takeover struct {
	elected time.Duration // until a member says that it leads
	durable time.Duration // until the first delta of its sidecar is in the store
}

// TestExtendedTakeover kills the leading pair again and again and measures how
// long nothing is stored, side by side with etcd's own election.
func TestExtendedTakeover(t *testing.T) {
	kills := 1
	if v := os.Getenv(repeats); v != "" {
		var err error
		if kills, err = strconv.Atoi(v); err != nil || kills < 1 {
			t.Fatalf("%s=%s is no number of kills", repeats, v)
		}
	}
	c := startCluster(t, "etcd37", setup{})
	leader := c.awaitLeader(c.pairs...)
	stop := c.startLoad(c.pairs...)
	c.awaitFull(leader)
	c.awaitDurable(leader, history)
	var all []takeover
	for n := range kills {
		took := c.killLeader()
		t.Logf("kill %d: etcd elected after %.2f s, the first delta of the new leader was stored after %.2f s, %.2f s later",
			n+1, took.elected.Seconds(), took.durable.Seconds(), (took.durable - took.elected).Seconds())
		all = append(all, took)
	}
	c.check("the leading pair is killed again and again")
	stop()
	verdict(t, all)
}

// killLeader kills the leading pair, measures, and brings it back.
func (c *cluster) killLeader() takeover {
	c.t.Helper()
	c.awaitLeader(c.pairs...)
	leader := c.awaitStored(0, c.pairs...)
	var dying sync.WaitGroup
	killed := time.Now()
	dying.Go(leader.etcd.kill)
	dying.Go(leader.sidecar.kill)
	var took takeover
	dying.Go(func() { took.elected = c.election(leader, killed) })
	dying.Go(func() { took.durable = c.firstDelta(leader, killed) })
	dying.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	leader.restart()
	c.awaitLeader(c.pairs...)
	return took
}

// often is how often is looked while time is measured.
const often = 10 * time.Millisecond

// election waits until a member other than the one that was killed says that it
// leads.
func (c *cluster) election(dead *pair, killed time.Time) time.Duration {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	elected := make(chan time.Time, len(c.pairs))
	var asking sync.WaitGroup
	for _, p := range c.but(dead) {
		asking.Go(func() {
			for ctx.Err() == nil {
				if a, err := p.raft(ctx, lookTimeout); err == nil && a.leader == a.member {
					elected <- a.received
					cancel()
				}
				pause(ctx, often)
			}
		})
	}
	asking.Wait()
	select {
	case at := <-elected:
		return at.Sub(killed)
	default:
		c.t.Error("no other member was elected")
		return 0
	}
}

// firstDelta waits until the store has a delta that another than the sidecar
// that was killed began.
func (c *cluster) firstDelta(dead *pair, killed time.Time) time.Duration {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	read := newContents(c.checker.store)
	known := map[string]bool{}
	for _, o := range c.checker.objects.listing() {
		known[o.Key] = true
	}
	for ctx.Err() == nil {
		for o, err := range c.checker.store.List(ctx, snapshot.TimelinePrefix(1)+"delta/", "") {
			if err != nil || known[o.Key] {
				continue
			}
			at := time.Now()
			ref, err := snapshot.Parse(o.Key)
			if err != nil {
				continue // a file of versitygw that is no object yet
			}
			known[o.Key] = true
			env, err := read.archive.Envelope(ctx, ref)
			if err != nil && !errors.Is(err, context.Canceled) {
				c.t.Errorf("%s: %v", o.Key, err)
			}
			if env.Member != dead.name {
				return at.Sub(killed)
			}
		}
		pause(ctx, often)
	}
	c.t.Error("no other sidecar stored a delta")
	return 0
}

// verdict prints medians and the worst, and fails the test unless a takeover
// takes hardly longer than it must: beyond the election a poll and the flush age,
// and a second for all else in the middle, three at worst.
func verdict(t *testing.T, all []takeover) {
	t.Helper()
	var elected, durable, beyond []time.Duration
	for _, k := range all {
		elected, durable, beyond = append(elected, k.elected), append(durable, k.durable), append(beyond, k.durable-k.elected)
	}
	for _, row := range []struct {
		what string
		took []time.Duration
	}{{"etcd's election", elected}, {"the first delta", durable}, {"the difference", beyond}} {
		median, worst := spread(row.took)
		t.Logf("%-16s %d kills: median %.2f s, worst %.2f s", row.what, len(all), median.Seconds(), worst.Seconds())
	}
	const must = pollInterval + flushAge
	if median, worst := spread(beyond); median > must+time.Second || worst > must+3*time.Second {
		t.Errorf("beyond the election a takeover takes %s in the middle and %s at worst, more than %s and %s",
			median, worst, must+time.Second, must+3*time.Second)
	}
}

func spread(all []time.Duration) (median, worst time.Duration) {
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare[time.Duration])
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}
