//go:build extended

package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
)

// TestExtendedNoSpace: etcd is full and refuses writes that take space. Deletes go
// on and so does the backup; a full is possible, leadership moves, and a
// heartbeat that cannot be taken anew is suspended while its member is well.
func TestExtendedNoSpace(t *testing.T) {
	c := startCluster(t, "etcd37", setup{etcd: []string{"--quota-backend-bytes", "16777216"}})
	leader := c.awaitLeader(c.pairs...)
	stop := c.startLoad(c.pairs...)
	c.awaitFull(leader)
	c.awaitDurable(leader, history)

	client := oracle.Connect(t, endpoints(c.pairs...)...)
	c.fill(client)
	full := time.Now()
	c.checker.held(t, full)
	before := c.head(c.pairs...)
	c.takeFull()

	// One sidecar is new, and etcd gives its heartbeat no lease; another leads.
	leader = c.awaitLeader(c.pairs...)
	suspended := c.but(leader)[0]
	suspended.sidecar.kill()
	c.awaitLapse(suspended)
	eventually(t, "etcd to remove the heartbeat", func() error {
		got, err := client.Get(t.Context(), "revkeeper/members/"+suspended.name, clientv3.WithCountOnly())
		if err == nil && got.Count > 0 {
			err = errors.New("it is still there")
		}
		return err
	})
	c.moveLeader(suspended)
	suspended.sidecar.restart()
	c.awaitSuspended(suspended)
	c.awaitDeletes(client, before)
	leader = c.awaitStored(0, c.pairs...)
	c.takeFull()
	t.Logf("etcd is full for %s; %s leads; %d revisions meanwhile", time.Since(full).Round(time.Second), leader.name, c.head(c.pairs...)-before)

	c.comesBack(before, 1) // before a compaction leaves nothing to compare with
	c.makeRoom(client)
	c.check("etcd is full")
	stop()
}

// fill writes until etcd has no space.
func (c *cluster) fill(client *clientv3.Client) {
	c.t.Helper()
	value := strings.Repeat("x", 200<<10)
	n := 0
	eventually(c.t, "etcd to be full", func() error {
		for ; ; n++ {
			_, err := client.Put(c.t.Context(), fmt.Sprintf("filler/%d", n%10), value)
			if errors.Is(err, rpctypes.ErrNoSpace) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	c.t.Logf("etcd is full after %d large values", n)
}

// awaitSuspended waits until a sidecar says that its heartbeat is suspended, and
// the others take its member for healthy all the same.
func (c *cluster) awaitSuspended(p *pair) {
	c.t.Helper()
	eventually(c.t, "the heartbeat of "+p.name+" to be suspended", func() error {
		st, err := c.status(p)
		if err == nil && st.Heartbeat.Status != openapi.HeartbeatStatusSuspended {
			err = fmt.Errorf("it is %s: %s", st.Heartbeat.Status, st.Heartbeat.Detail)
		}
		return err
	})
	st, err := c.status(p)
	if err != nil || !strings.Contains(st.Heartbeat.Detail, "NOSPACE") {
		c.t.Errorf("the heartbeat of %s is suspended for %q, %v", p.name, st.Heartbeat.Detail, err)
	}
	for _, eyes := range c.pairs {
		found, err := eyes.members(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		for _, m := range found.Members {
			if !m.Healthy {
				c.t.Errorf("%s is not healthy in the eyes of %s: %s", m.Name, eyes.name, m.Reason)
			}
		}
	}
	if err := p.call(c.t.Context(), http.MethodGet, "/healthz", 5*time.Second, nil); err != nil {
		c.t.Errorf("the member of %s is unwell: %v", p.name, err)
	}
}

// awaitDeletes waits until the load, or this, deleted something while etcd was
// full.
func (c *cluster) awaitDeletes(client *clientv3.Client, above int64) {
	c.t.Helper()
	n := 0
	eventually(c.t, "something to be deleted", func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		defer cancel()
		if n++; n <= 5 {
			if _, err := client.Delete(ctx, fmt.Sprintf("filler/%d", n)); err != nil {
				return err
			}
		}
		if head := c.head(c.pairs...); head <= above || n < 5 {
			return fmt.Errorf("the cluster is at revision %d", head)
		}
		return nil
	})
}

// makeRoom compacts and defragments as an operator does, and disarms the alarm.
func (c *cluster) makeRoom(client *clientv3.Client) {
	c.t.Helper()
	for n := range 10 {
		if _, err := client.Delete(c.t.Context(), fmt.Sprintf("filler/%d", n)); err != nil {
			c.t.Fatal(err)
		}
	}
	head := c.head(c.pairs...)
	c.awaitStored(0, c.pairs...) // so that the compaction takes nothing away
	if _, err := client.Compact(c.t.Context(), head, clientv3.WithCompactPhysical()); err != nil {
		c.t.Fatalf("compact: %v", err)
	}
	for _, p := range c.pairs {
		if _, err := client.Defragment(c.t.Context(), p.client); err != nil {
			c.t.Fatalf("defragment %s: %v", p.name, err)
		}
	}
	if _, err := client.AlarmDisarm(c.t.Context(), &clientv3.AlarmMember{}); err != nil {
		c.t.Fatalf("disarm: %v", err)
	}
	eventually(c.t, "etcd to take writes again", func() error {
		_, err := client.Put(c.t.Context(), "room", "made")
		return err
	})
}
