package roundtrip

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func only(t *testing.T, store ports.ObjectStore) *timeline.History {
	t.Helper()
	c, err := revkeeper.New(store).Catalogue(t.Context())
	if err != nil || len(c.Timelines) != 1 {
		t.Fatalf("%d timelines, %v", len(c.Timelines), err)
	}
	return &c.Timelines[0]
}

// A real cluster under a mixed load; its small deltas become larger ones, then a
// full is built from the first full and these, and what they were made of is
// taken away. Every revision is still what the cluster had.
func TestRollUpAndBuiltFullGiveBackEveryRevision(t *testing.T) {
	const version = "etcd37"
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	w := load.New(client, 11)
	must(t, w.Do(t.Context(), 100))
	store, err := local.New(t.TempDir())
	must(t, err)
	b := startBackup(t, source.Endpoints()[0], store)
	for range 25 {
		must(t, w.Do(t.Context(), 30))
		b.takeDelta(t)
	}
	head := oracle.Revision(t, client)
	b.stop()

	before := only(t, store)
	first := before.NewestFull().Last
	k := inprocess.NewCompactor(t, store)
	made, err := k.RollUp(t.Context(), rule.RollUp{Target: 1 << 20, Segments: 100})
	if err != nil || len(made) == 0 {
		t.Fatalf("%d roll-ups, %v", len(made), err)
	}
	removed := inprocess.RemoveReplaced(t, store, only(t, store))
	if h := only(t, store); len(h.Deltas) >= len(before.Deltas) || removed < rule.FewestDeltas {
		t.Fatalf("%d deltas, %d before, %d removed", len(h.Deltas), len(before.Deltas), removed)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	for range 5 {
		same(t, store, client, version, first+rng.Int64N(head-first+1))
	}

	plan, err := k.PlanFull(t.Context(), rule.Full{Revisions: 1})
	if err != nil || !plan.Verdict.Due || plan.Path.Target != head {
		t.Fatalf("%+v, %v", plan, err)
	}
	full, err := k.BuildFull(t.Context(), plan)
	must(t, err)
	m, err := revkeeper.New(store).Manifest(t.Context(), full.Ref)
	if err != nil || m.Synthetic == nil || m.Synthetic.Base != plan.Path.Base.Key() || full.Last != head || full.First != plan.Path.Base.First {
		t.Fatalf("%+v, %+v, %v", full, m.Synthetic, err)
	}
	if again, err := k.PlanFull(t.Context(), rule.Full{Revisions: 1}); err != nil || again.Verdict.Due {
		t.Errorf("another is due: %+v, %v", again, err)
	}
	// Nothing but the built full is left.
	h := only(t, store)
	for _, d := range h.Deltas {
		must(t, store.Delete(t.Context(), d.Key()))
	}
	for _, f := range h.Fulls {
		if f.Ref != full.Ref {
			must(t, store.Delete(t.Context(), f.Manifest().Key()))
			must(t, store.Delete(t.Context(), f.Key()))
		}
	}
	for range 5 {
		same(t, store, client, version, max(full.First, 2)+rng.Int64N(head-max(full.First, 2)+1))
	}
	same(t, store, client, version, head)
	byEtcdutl(t, store, full, client, version, head)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same restores a revision and compares everything with the source.
func same(t *testing.T, store ports.ObjectStore, source *clientv3.Client, version string, revision int64) {
	t.Helper()
	dir, _ := restoreAt(t, store, revision, true)
	restored := bootRestored(t, version, dir)
	oracle.SameAt(t, source, restored, revision)
	sameLeases(t, source, restored)
}

// byEtcdutl restores the full as somebody without revkeeper would.
func byEtcdutl(t *testing.T, store ports.ObjectStore, full timeline.Full, source *clientv3.Client, version string, revision int64) {
	t.Helper()
	body, err := revkeeper.New(store).OpenFull(t.Context(), full.Ref)
	must(t, err)
	defer body.Close()
	path := filepath.Join(t.TempDir(), "snapshot.db")
	f, err := os.Create(path)
	must(t, err)
	_, err = io.Copy(f, body)
	must(t, err)
	must(t, f.Close())
	restored := bootRestored(t, version, restoredByEtcdutl(t, version, path))
	oracle.SameAt(t, source, restored, revision)
	sameLeases(t, source, restored)
}
