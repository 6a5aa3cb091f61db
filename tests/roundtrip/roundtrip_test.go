// Package roundtrip backs up a real etcd through the use-cases, in process, and
// restores what the store then holds.
package roundtrip

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// sidecar is the backup duty of one member, in process.
type sidecar struct {
	*inprocess.Backup
	state *backup.State
	stop  func()
}

func startBackup(t *testing.T, endpoint string, store ports.ObjectStore) *sidecar {
	t.Helper()
	b := inprocess.StartBackup(t, endpoint, store, func(s *inprocess.Setup) { s.Backup.Flush.Age = 300 * time.Millisecond })
	return &sidecar{b, b.State, b.Stop}
}

// takeDelta waits until everything that the cluster has now is in the store.
func (s *sidecar) takeDelta(t *testing.T) {
	t.Helper()
	s.StoreEverything(t)
}

func restoreAt(t *testing.T, store ports.ObjectStore, target int64, keep bool) (string, restore.Result) {
	t.Helper()
	return inprocess.Restore(t, store, restore.Request{Target: target, KeepRevisions: keep, Force: true})
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
