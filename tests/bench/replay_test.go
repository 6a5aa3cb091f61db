package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/tests/images"
)

const (
	replays = 3 // repetitions
	// replayed is how many revisions of the stream, from its first; all of them would take minutes.
	replayed = 30_000
)

// replaying is what was measured of the other way to restore deltas, which the established sidecar goes: the base is restored
// by etcdutl, a server is started on it without fsync, and each revision becomes one transaction through a connection on
// loopback, one after the other. What that sidecar does beside it is left out: reading JSON, and a compaction now and then.
type replaying struct {
	events          int
	began, replayed []time.Duration // restoring the base and starting the server; then the transactions
}

// replay measures it and checks the revision that it ends at.
func (c *comparison) replay() replaying {
	var r replaying
	for range replays {
		dir := c.dir("replayed")
		if err := os.Mkdir(dir, 0o700); err != nil {
			c.Fatal(err)
		}
		restored := c.etcdutl(images.Binary(c, "etcd37utl"), filepath.Join(dir, "data"))
		began := time.Now()
		etcd := c.start(dir, "--max-request-bytes", "10485760", "--max-txn-ops", "10240")
		r.began = append(r.began, restored.wall+time.Since(began))
		client, err := etcd.Client(c.Context())
		if err != nil {
			c.Fatal(err)
		}
		began = time.Now()
		r.events, err = c.transactions(client)
		r.replayed = append(r.replayed, time.Since(began))
		if err := errors.Join(err, client.Close()); err != nil {
			c.Fatal(err)
		}
		etcd.Stop()
		c.remove(dir)
		say("  %-50s %6.2f s and %6.2f s for %d events", "replay by transactions", r.began[len(r.began)-1].Seconds(),
			r.replayed[len(r.replayed)-1].Seconds(), r.events)
	}
	return r
}

// transactions replays the stream's first revisions and returns how many events they are.
func (c *comparison) transactions(client *clientv3.Client) (events int, err error) {
	recording, err := c.data.OpenRecording()
	if err != nil {
		return 0, err
	}
	defer recording.Close()
	for range replayed {
		raw, err := recording.Next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		var response pb.WatchResponse
		if err := errors.Join(err, proto.Unmarshal(raw, &response)); err != nil {
			return events, err
		}
		var ops []clientv3.Op
		for _, e := range response.Events {
			if e.Type == mvccpb.DELETE {
				ops = append(ops, clientv3.OpDelete(string(e.Kv.Key)))
			} else {
				ops = append(ops, clientv3.OpPut(string(e.Kv.Key), string(e.Kv.Value)))
			}
		}
		answer, err := client.Txn(c.Context()).Then(ops...).Commit()
		if err != nil {
			return events, err
		}
		if answer.Header.Revision != response.Header.Revision {
			return events, fmt.Errorf("revision %d was replayed as %d", response.Header.Revision, answer.Header.Revision)
		}
		events += len(response.Events)
	}
	return events, nil
}

// rows compares with the restore of base and deltas that r holds.
func (p replaying) rows(t *table, r restoring) {
	same := func(d time.Duration) time.Duration { return d }
	rate := float64(p.events) / median(p.replayed, same).Seconds()
	records := float64(r.chain.reports[0].Records)
	ours := r.chain.inside(func(r report) time.Duration { return r.Deltas }).Seconds()
	whole := median(p.began, same).Seconds() + records/rate
	t.row("replay by transactions through etcd", fmt.Sprintf("%.2f s", whole), fmt.Sprintf("%.2f x", whole/r.chain.wall().Seconds()), "", "",
		fmt.Sprintf("of the restore of base and deltas; %.2f s to restore the base and start etcd, the rest scaled from %d of %.0f events",
			median(p.began, same).Seconds(), p.events, records))
	t.row("- of it, deltas into the base", fmt.Sprintf("%.2f s", records/rate), fmt.Sprintf("%.2f x", records/rate/ours), "", "",
		fmt.Sprintf("%.0f events/s; 20 x or more, of what revkeeper takes for them", rate))
}
