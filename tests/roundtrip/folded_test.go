package roundtrip

import (
	"os"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// Folding by revkeeper and compacting by etcd at the same revision leave the same.
func TestAFoldedRestoreIsWhatEtcdsCompactionLeaves(t *testing.T) { foldedRestore(t, "etcd37") }

func foldedRestore(t *testing.T, version string) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	w := load.New(client, 13)
	must(t, w.Do(t.Context(), 300))
	store, err := local.New(t.TempDir())
	must(t, err)
	b := startBackup(t, source.Endpoints()[0], store)
	must(t, w.Do(t.Context(), 300))
	_, err = client.Put(t.Context(), "deleted at the target", "x")
	must(t, err)
	deleted, err := client.Delete(t.Context(), "deleted at the target")
	must(t, err)
	must(t, w.Do(t.Context(), 100))
	b.takeDelta(t)
	b.stop()
	target, head := deleted.Header.Revision, oracle.Revision(t, client)

	exact, res := restoreFolded(t, store, restore.Request{Target: target, KeepRevisions: true, Force: true})
	if res.State == nil || res.Repacked.RecordsAfter >= res.Repacked.RecordsBefore || res.Repacked.BytesAfter > res.Repacked.BytesBefore {
		t.Fatalf("%+v, %+v", res.Repacked, res.State)
	}
	bumped, bumpedRes := restoreFolded(t, store, restore.Request{Target: head})
	whole, _ := restoreAt(t, store, head, true)
	t.Logf("the head: %d bytes whole, %d folded, of %d records %d", databaseSize(t, whole), databaseSize(t, bumped), bumpedRes.Repacked.RecordsBefore, bumpedRes.Repacked.RecordsAfter)

	restored := bootRestored(t, version, bumped)
	oracle.SameKeys(t, client, restored, head)
	sameLeases(t, client, restored)
	toldToReadAgain(t, restored, head)
	if got := oracle.Revision(t, restored); got != bumpedRes.Plan.BumpTo {
		t.Errorf("bumped to %d, want %d", got, bumpedRes.Plan.BumpTo)
	}
	_, err = restored.Put(t.Context(), "after", "restore")
	must(t, err)

	_, err = client.Compact(t.Context(), target, clientv3.WithCompactPhysical())
	must(t, err)
	// Otherwise it would answer from memory, what it hashed before it compacted.
	source.Members[0].Stop()
	source.Members[0].Restart()
	if hash, compact := oracle.HashKV(t, client, target); hash != res.State.HashKV || compact != target {
		t.Errorf("the restore says the folded state hashes to %d, etcd answers %d compacted at %d", res.State.HashKV, hash, compact)
	}
	restored = bootRestored(t, version, exact)
	oracle.SameAt(t, client, restored, target)
	sameLeases(t, client, restored)
}

func restoreFolded(t *testing.T, store ports.ObjectStore, req restore.Request) (string, restore.Result) {
	t.Helper()
	req.Fold = true
	return inprocess.Restore(t, store, req)
}

func databaseSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "member", "snap", "db"))
	must(t, err)
	return info.Size()
}

// toldToReadAgain watches from a revision of before the restore, as a client does
// that was away.
func toldToReadAgain(t *testing.T, c *clientv3.Client, revision int64) {
	t.Helper()
	for answer := range c.Watch(t.Context(), "\x00", clientv3.WithFromKey(), clientv3.WithRev(revision)) {
		if answer.CompactRevision <= revision {
			t.Errorf("a watch from revision %d was answered with %+v", revision, answer)
		}
		return
	}
}
