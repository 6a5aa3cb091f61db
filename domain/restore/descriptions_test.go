package restore_test

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestDescriptionsAreKeptUpToABound(t *testing.T) {
	d := restore.NewDescriptions(100_000)
	ref := func(i int) snapshot.Ref {
		return snapshot.Ref{Kind: snapshot.KindDelta, First: int64(i), Last: int64(i)}
	}
	large := snapshot.Envelope{Leases: make([]snapshot.Lease, 10_000)}
	d.Keep(ref(0), large) // alone more than there is room for
	for i := 1; i < 1000; i++ {
		d.Keep(ref(i), snapshot.Envelope{First: int64(i)})
	}
	kept := 0
	for i := range 1000 {
		if env, ok := d.Of(ref(i)); ok {
			if kept++; env.First != int64(i) {
				t.Errorf("of delta %d there is that of %d", i, env.First)
			}
		}
	}
	if _, ok := d.Of(ref(0)); ok || kept < 20 || kept > 100 {
		t.Errorf("%d were kept, the large one: %v", kept, ok)
	}
	if _, ok := d.Of(ref(1)); !ok {
		t.Error("the first to be applied was not kept")
	}
	var none *restore.Descriptions
	if _, ok := none.Of(ref(1)); ok {
		t.Error("nobody looked, and something is known")
	}
}
