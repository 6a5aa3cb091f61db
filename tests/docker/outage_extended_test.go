//go:build extended

package docker

import (
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

const (
	longOutage = time.Minute
	calm       = longOutage / 4 // before it, for comparison
	// slower bounds by how much etcd's writes may be slower while the store is
	// away. The machine's own noise is in it, so what is quick enough counts as
	// quick as the other.
	slowerMedian, quickMedian = 3, 20 * time.Millisecond
	slowerWorst, quickWorst   = 5, 100 * time.Millisecond
)

// etcdDoesNotNotice makes sure that the backup bridges a long outage of the store
// and that etcd's clients do not see it.
func etcdDoesNotNotice(c *cluster, leading *pair) {
	c.t.Helper()
	began := time.Now()
	var most int64
	for time.Since(began) < longOutage {
		await(c.t, time.Second)
		st, err := c.status(leading)
		if err != nil {
			c.t.Fatalf("the sidecar does not answer while the store is away: %v", err)
		}
		if st.Role == openapi.RoleLeader {
			most = max(most, st.Backup.SpillBytes)
		}
	}
	ended := time.Now()
	if most == 0 {
		c.t.Error("the status never said that something waits for the store")
	}
	before, beforeWorst, n := c.checker.acks.took(began.Add(-calm), began)
	during, duringWorst, m := c.checker.acks.took(began, ended)
	c.t.Logf("without the store for %s: %d bytes waited at most; writes took %s (99%%: %s; %d writes) before, %s (99%%: %s; %d writes) meanwhile: %.2f and %.2f times",
		ended.Sub(began).Round(time.Second), most, before, beforeWorst, n, during, duringWorst, m,
		ratio(before, during), ratio(beforeWorst, duringWorst))
	if n == 0 || m == 0 {
		c.t.Fatal("nothing was written")
	}
	if ratio(max(before, quickMedian), during) > slowerMedian || ratio(max(beforeWorst, quickWorst), duringWorst) > slowerWorst {
		c.t.Error("etcd's writes are slower while the store is away")
	}
}

func ratio(before, during time.Duration) float64 { return float64(during) / float64(before) }
