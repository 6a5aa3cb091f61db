// Package roundtrip backs up a real etcd through the use-cases, in process, and
// restores what the store then holds.
package roundtrip

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/restore"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// sidecar is the backup duty of one member, in process.
type sidecar struct {
	*backup.Backup
	state *backup.State
	stop  func()
}

func startBackup(t *testing.T, endpoint string, store ports.ObjectStore) *sidecar {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	clients, err := etcd.Dial(etcd.Config{Endpoint: endpoint}, log)
	if err != nil {
		t.Fatal(err)
	}
	spool := t.TempDir()
	writer, err := revkeeper.NewWriter(store, spool)
	if err != nil {
		t.Fatal(err)
	}
	observe := eventlog.Logger(log)
	notBusy := func(context.Context, cluster.ID, string, time.Time) func() { return func() {} }
	taker := takefull.NewTaker(clients.Cluster, clients.Maintenance, fullspool.New(spool), writer, observe, notBusy)
	state := backup.NewState()
	b := backup.New(backup.Config{
		Flush: schedule.Flush{Age: 300 * time.Millisecond, Bytes: 4 << 20},
		Retry: schedule.Backoff{Min: 200 * time.Millisecond, Max: 2 * time.Second}, CatchUp: 30_000,
		Spill: 1 << 30, SpillMemory: 32 << 20,
		HeadInterval: time.Second, AuthInterval: time.Minute, CallTimeout: 5 * time.Second,
	}, func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{MemberID: "test"}, nil }, revkeeper.New(store), writer, clients.Cluster, clients.Watcher, taker, observe, state)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	s := &sidecar{Backup: b, state: state}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("backup ended with %v", err)
		}
		_ = clients.Close()
	}
	t.Cleanup(s.stop)
	return s
}

// takeDelta waits until everything that the cluster has now is in the store.
func (s *sidecar) takeDelta(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, err := s.TakeDelta(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("take a delta: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(string(p[:len(p)-1]))
	}
	return len(p), nil
}

func identity() ports.MemberIdentity {
	peer := url.URL{Scheme: "http", Host: "localhost:2380"}
	return ports.MemberIdentity{Name: "default", ClusterToken: "etcd-cluster",
		InitialCluster: map[string][]url.URL{"default": {peer}}, InitialAdvertisePeer: []url.URL{peer}}
}

func restoreAt(t *testing.T, store ports.ObjectStore, target int64, keep bool) (string, restore.Result) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	r := restore.New(revkeeper.New(store), datadir.Dirs{}, eventlog.Logger(slog.New(slog.DiscardHandler)))
	res, err := r.Run(t.Context(), restore.Request{Target: target, Dir: dir, Identity: identity(), KeepRevisions: keep, Force: true}, nil)
	if err != nil {
		t.Fatalf("restore revision %d: %v", target, err)
	}
	return dir, res
}

func TestRoundTrip(t *testing.T) {
	for _, version := range []string{"etcd37", "etcd36", "etcd35"} {
		t.Run(version, func(t *testing.T) { roundTrip(t, version) })
	}
}

func roundTrip(t *testing.T, version string) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	w := load.New(client, 7)
	if err := w.Do(t.Context(), 300); err != nil {
		t.Fatal(err)
	}
	store, err := local.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := startBackup(t, source.Endpoints()[0], store)
	b.takeDelta(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for b.state.Backup().LastFull == nil && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	full := b.state.Backup().LastFull
	if full == nil {
		t.Fatal("no full was taken at start")
	}
	if err := w.Do(t.Context(), 700); err != nil {
		t.Fatal(err)
	}
	b.takeDelta(t)
	head := oracle.Revision(t, client)
	if got := b.state.Backup().Durable; got != head {
		t.Fatalf("durable up to %d, the cluster is at %d", got, head)
	}
	for _, target := range []int64{head, full.Last, full.Last - 100, full.Last + 1, (full.Last + head) / 2} {
		dir, res := restoreAt(t, store, target, true)
		if target >= full.Last && res.Proof == nil {
			t.Errorf("revision %d was not proven", target)
		}
		restored := bootRestored(t, version, dir)
		oracle.SameAt(t, client, restored, target)
		sameLeases(t, client, restored)
	}
	dir, res := restoreAt(t, store, head, false)
	restored := bootRestored(t, version, dir)
	oracle.SameKeys(t, client, restored, head)
	if got := oracle.Revision(t, restored); got != res.Plan.BumpTo {
		t.Errorf("bumped to %d, want %d", got, res.Plan.BumpTo)
	}
	if _, err := restored.Put(t.Context(), "after", "restore"); err != nil {
		t.Errorf("write after the restore: %v", err)
	}
}

// bootRestored starts etcd of a version on a restored directory.
func bootRestored(t *testing.T, version, dir string) *clientv3.Client {
	t.Helper()
	return oracle.Connect(t, servers.StartRestored(t, version, dir))
}

// sameLeases checks that every lease that a restored key is attached to exists
// with the TTL that the source granted, where the source still knows it.
func sameLeases(t *testing.T, source, restored *clientv3.Client) {
	t.Helper()
	r, err := restored.Get(t.Context(), "\x00", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, kv := range r.Kvs {
		if kv.Lease == 0 || seen[kv.Lease] {
			continue
		}
		seen[kv.Lease] = true
		got, want := oracle.LeaseTTL(t, restored, kv.Lease), oracle.LeaseTTL(t, source, kv.Lease)
		if got <= 0 || want > 0 && got != want {
			t.Errorf("lease %x of %q has TTL %d, the source granted %d", kv.Lease, kv.Key, got, want)
		}
	}
}
