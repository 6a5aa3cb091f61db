package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const quota = 16 << 20

// etcd runs out of space, and the leader's sidecar acts: it stores what there is,
// defragments every member, and disarms the alarm only where that helped. Whether
// it does depends on what was compacted, which is never the sidecar's to do.
func TestOutOfSpace(t *testing.T) {
	for _, tc := range []struct {
		name, version string
		compacted     bool
		alarm         string // what is said of it
	}{
		{"there is room after it, 3.5", "etcd35", true, "was disarmed"},
		{"there is room after it, 3.7", "etcd37", true, "was disarmed"},
		{"there is none: nothing was compacted", "etcd37", false, "% of its quota, 50 % are too many"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := servers.StartEtcd(t, tc.version, 3, servers.EtcdArgs("--quota-backend-bytes", fmt.Sprint(quota)))
			_, store := folder(t)
			var sidecars []*sidecar
			for i, m := range e.Members {
				sidecars = append(sidecars, run(t, m.Endpoint, store, "--name", fmt.Sprintf("m%d", i),
					"--defrag-no-space", "--defrag-no-space-percent", "50", "--defrag-quota", fmt.Sprint(quota), "--defrag-rule", "false"))
			}
			leader := sidecars[leaderOf(t, sidecars)]
			client := oracle.Connect(t, e.Members[0].Endpoint) // which is asked how large it is
			head := outOfSpace(t, client, tc.compacted)

			ended := awaitNoSpaceRun(t, leader)
			said := strings.Join(ended.Alarms, "; ")
			t.Logf("%s %s: %s; %s", ended.Outcome, ended.Reason, said, ended.Trigger)
			if ended.Outcome != openapi.DefragmentationOutcomeDone || !strings.Contains(said, tc.alarm) {
				t.Errorf("%s: %s; of the alarm it says %q, want %q", ended.Outcome, ended.Reason, said, tc.alarm)
			}
			if durable := leader.status().Backup.DurableRevision; durable < head {
				t.Errorf("revision %d is stored, etcd was at %d when it was out of space", durable, head)
			}
			_, err := client.Put(t.Context(), "after", "it")
			if tc.compacted && (err != nil || ended.FreedBytes < 3*8<<20) {
				t.Errorf("%d bytes were given back; a write afterwards: %v", ended.FreedBytes, err)
			}
			if !tc.compacted && !errors.Is(err, rpctypes.ErrNoSpace) {
				t.Errorf("a write afterwards: %v, want %v", err, rpctypes.ErrNoSpace)
			}
		})
	}
}

// outOfSpace writes until etcd raises the alarm and returns the last revision.
// What it wrote is compacted just before the last write, or not at all.
func outOfSpace(t *testing.T, c *clientv3.Client, compact bool) (head int64) {
	t.Helper()
	value := strings.Repeat("x", 128<<10)
	for size := int64(0); size < quota*92/100; {
		put, err := c.Put(t.Context(), "filler", value)
		if err != nil {
			t.Fatal(err)
		}
		if head = put.Header.Revision; size > quota*3/4 {
			<-time.After(110 * time.Millisecond) // etcd commits every 100 ms, and knows its size then
		}
		status, err := c.Status(t.Context(), c.Endpoints()[0])
		if err != nil {
			t.Fatal(err)
		}
		size = status.DbSize
	}
	if compact {
		if _, err := c.Compact(t.Context(), head, clientv3.WithCompactPhysical()); err != nil {
			t.Fatal(err)
		}
	}
	// More than is left of the quota, and within what a request may have.
	if _, err := c.Put(t.Context(), "last", strings.Repeat("x", 1400<<10)); !errors.Is(err, rpctypes.ErrNoSpace) {
		t.Fatalf("etcd at 92 %% of its quota takes 1.4 MiB: %v", err)
	}
	return head
}

// awaitNoSpaceRun waits for the end of the run that nobody asked for.
func awaitNoSpaceRun(t *testing.T, s *sidecar) openapi.Defragmentation {
	t.Helper()
	var body string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		var all openapi.Defragmentations
		_, body = s.get("/v1/defragmentations")
		if json.Unmarshal([]byte(body), &all) == nil && len(all.Runs) > 0 && all.Runs[0].Outcome != openapi.DefragmentationOutcomeRunning {
			if !strings.Contains(all.Runs[0].Trigger, "NOSPACE") {
				t.Fatalf("a run began for another reason: %s", body)
			}
			return all.Runs[0]
		}
	}
	t.Fatalf("no run has ended: %s", body)
	return openapi.Defragmentation{}
}
