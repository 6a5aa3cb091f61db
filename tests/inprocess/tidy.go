package inprocess

import (
	"context"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// NewCompactor rolls deltas up and builds fulls.
func NewCompactor(t testing.TB, store ports.ObjectStore) *compact.Compactor {
	t.Helper()
	spool := t.TempDir()
	w, err := revkeeper.NewWriter(store, spool)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{Member: "compactor"}, nil }
	return compact.New(revkeeper.New(store), w, w, datadir.NewBuilder(spool), fullspool.New(spool), sign, eventlog.Logger(Log(t)))
}

// RemoveReplaced takes away the deltas that longer ones hold, as retention does once
// its rules allow it, and returns how many there were.
func RemoveReplaced(t testing.TB, store ports.ObjectStore, h *timeline.History) (removed int) {
	t.Helper()
	archive := revkeeper.New(store)
	for _, r := range chain.Replaced(h) {
		env, err := archive.Envelope(t.Context(), r.By.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if !chain.Holds(env, r.Delta.Ref) {
			continue
		}
		if err := store.Delete(t.Context(), r.Delta.Key()); err != nil {
			t.Fatal(err)
		}
		removed++
	}
	return removed
}
