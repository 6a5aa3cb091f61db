package roundtrip

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/adapters/snapshotfile"
	"github.com/revkeeper/revkeeper/application/export"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func exported(t *testing.T, store ports.ObjectStore, at restore.Point, to ports.SnapshotTaker) export.Result {
	t.Helper()
	e := export.New(revkeeper.New(store), datadir.NewBuilder(t.TempDir()), eventlog.Logger(slog.New(slog.DiscardHandler)))
	res, err := e.Run(t.Context(), export.Request{Point: at}, to)
	must(t, err)
	return res
}

// A point between two deltas becomes a file that etcd's own tools take for one of
// their own: what etcd makes of it is what the cluster was.
func TestAnExportIsASnapshotOfEtcds(t *testing.T) { exportedAndRestored(t, "etcd37") }

func exportedAndRestored(t *testing.T, version string) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	w := load.New(client, 17)
	must(t, w.Do(t.Context(), 200))
	store, err := local.New(t.TempDir())
	must(t, err)
	b := startBackup(t, source.Endpoints()[0], store)
	inprocess.Eventually(t, "a full and its proof are stored", func() bool {
		c, err := revkeeper.New(store).Catalogue(t.Context())
		return err == nil && len(c.Timelines) == 1 && len(c.Timelines[0].Proofs) > 0
	})
	must(t, w.Do(t.Context(), 300))
	b.takeDelta(t)
	b.stop()
	head := oracle.Revision(t, client)
	target := head - 57

	path := filepath.Join(t.TempDir(), "snapshot.db")
	if res := exported(t, store, restore.Point{Target: target}, snapshotfile.New(path)); res.Proof == nil {
		t.Error("it was not proven")
	}
	if got := statusByEtcdutl(t, version, path); got != target {
		t.Errorf("etcdutl finds revision %d in it, want %d", got, target)
	}
	restored := bootRestored(t, version, restoredByEtcdutl(t, version, path))
	oracle.SameAt(t, client, restored, target)
	sameLeases(t, client, restored)

	restored = bootRestored(t, version, restoredByEtcdutl(t, version, throughTheirs(t, store, target)))
	oracle.SameAt(t, client, restored, target)
	sameLeases(t, client, restored)

	folded := filepath.Join(t.TempDir(), "folded.db")
	if res := exported(t, store, restore.Point{Target: target, Fold: true}, snapshotfile.New(folded)); res.Repacked == nil || res.Repacked.RecordsAfter >= res.Repacked.RecordsBefore {
		t.Errorf("%+v", res.Repacked)
	}
	restored = bootRestored(t, version, restoredByEtcdutl(t, version, folded))
	oracle.SameKeys(t, client, restored, target)
	sameLeases(t, client, restored)
}

// throughTheirs exports a point as a full of etcd-backup-restore and does what that
// does before it hands a full to etcdutl: it unwraps what the name says is wrapped.
func throughTheirs(t *testing.T, store ports.ObjectStore, target int64) (path string) {
	t.Helper()
	dir := t.TempDir()
	theirs, err := local.New(dir)
	must(t, err)
	res := exported(t, store, restore.Point{Target: target}, gardener.NewExporter(theirs, t.TempDir()))
	c, err := gardener.New(theirs).Catalogue(t.Context())
	must(t, err)
	if len(c.Timelines) != 1 || len(c.Foreign) != 0 || c.Timelines[0].NewestFull().Key() != res.Written.Place || c.Timelines[0].NewestFull().Last != target {
		t.Fatalf("%+v of %+v", c, res.Written)
	}
	body, err := os.Open(filepath.Join(dir, res.Written.Place))
	must(t, err)
	defer body.Close()
	plain, err := gzip.NewReader(body)
	must(t, err)
	path = filepath.Join(t.TempDir(), "snapshot.db")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	_, err = io.Copy(f, plain)
	must(t, err)
	return path
}

func statusByEtcdutl(t *testing.T, version, path string) (revision int64) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), images.Binary(t, version+"utl"), "snapshot", "status", path, "-w", "json").CombinedOutput()
	if err != nil {
		t.Fatalf("etcdutl: %v\n%s", err, out)
	}
	var status struct{ Revision int64 }
	if err := json.Unmarshal(out, &status); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return status.Revision
}

// restoredByEtcdutl restores a snapshot as somebody without revkeeper would.
func restoredByEtcdutl(t *testing.T, version, path string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	out, err := exec.CommandContext(t.Context(), images.Binary(t, version+"utl"), "snapshot", "restore", path, "--data-dir", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("etcdutl: %v\n%s", err, out)
	}
	return dir
}
