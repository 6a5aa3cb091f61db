package docker

import (
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// outage is long enough for every try of an upload to fail more than once.
const outage = 8 * time.Second

// TestStoreDisappears: the store freezes under load and is killed later. Each
// time the backlog is stored when it is back, without a gap, and etcd noticed nothing.
func TestStoreDisappears(t *testing.T) {
	// No election may come in between on a slow machine.
	c := startCluster(t, "etcd37", setup{etcd: []string{"--heartbeat-interval", "500", "--election-timeout", "5000"}})
	leader := c.awaitLeader(c.pairs...)
	stop := c.startLoad(c.pairs...)
	c.awaitFull(leader)
	c.awaitDurable(leader, history)

	for _, way := range []struct {
		name             string
		vanish, comeBack func()
	}{
		{"frozen", c.store.pause, c.store.unpause},
		{"killed", c.store.kill, c.store.restart},
	} {
		before := c.unbroken()
		way.vanish()
		began := time.Now()
		c.checker.held(t, began)
		await(t, outage/2)
		during, err := c.status(leader)
		if err != nil {
			t.Fatalf("%s: the sidecar does not answer while the store is gone: %v", way.name, err)
		}
		await(t, outage/2)
		after, err := c.status(leader)
		if err != nil {
			t.Fatalf("%s: the sidecar does not answer while the store is gone: %v", way.name, err)
		}
		if after.Role != openapi.RoleLeader || after.Backup.DurableRevision != during.Backup.DurableRevision {
			t.Errorf("%s: %s with durable revision %d, then %d, without a store", way.name, after.Role,
				during.Backup.DurableRevision, after.Backup.DurableRevision)
		}
		if after.Backup.SpillBytes == 0 {
			t.Errorf("%s: the status says that nothing waits for the store", way.name)
		}
		head := c.head(leader)
		if head <= after.Backup.DurableRevision {
			t.Fatalf("%s: nothing was written to etcd while the store was gone", way.name)
		}
		way.comeBack()
		gone := time.Since(began)
		back := time.Now()
		c.awaitDurable(leader, head)
		t.Logf("%s for %s: durable %d, cluster %d, %d bytes waited (%s); stored %s after it was back", way.name,
			gone.Round(100*time.Millisecond), after.Backup.DurableRevision, head, after.Backup.SpillBytes, after.Backup.LastError,
			time.Since(back).Round(100*time.Millisecond))
		c.continues(before, c.unbroken())
		c.check("the store is " + way.name)
	}
	_, acknowledged := stop()
	c.comesBack(acknowledged, 1)
}
