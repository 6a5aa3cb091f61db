package objectstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// KeptStore is a store with what it offers to whoever tidies it.
type KeptStore interface {
	ports.ObjectStore
	ports.StoreKeeper
}

// RunKeeper is the contract suite of ports.StoreKeeper. abandon leaves an upload of
// one of revkeeper's keys that never ends, now.
func RunKeeper(t *testing.T, implementation string, open func(t *testing.T) KeptStore, abandon func(t *testing.T, s KeptStore)) {
	t.Helper()
	t.Logf("contract suite of StoreKeeper, implementation: %s", implementation)
	t.Run(implementation+"/many are deleted, and no other", func(t *testing.T) { deleteMany(t, open(t)) })
	t.Run(implementation+"/each key gets its answer", func(t *testing.T) { deleteAnswers(t, open(t)) })
	t.Run(implementation+"/a done context deletes nothing", func(t *testing.T) { deleteDone(t, open(t)) })
	t.Run(implementation+"/abandoned uploads go by age", func(t *testing.T) {
		s := open(t)
		mustCreate(t, s, "timelines/00000001/timeline.json", "{}")
		for _, c := range []struct {
			what   string
			before time.Time
			want   int
		}{
			{"none was abandoned", time.Now().Add(time.Hour), 0},
			{"too young", time.Now().Add(-time.Hour), 0},
			{"old enough", time.Now().Add(time.Hour), 2},
			{"gone already", time.Now().Add(time.Hour), 0},
		} {
			if n, err := s.SweepUploads(t.Context(), c.before); n != c.want || err != nil {
				t.Errorf("%s: %d went, %v; want %d", c.what, n, err, c.want)
			}
			if c.what == "none was abandoned" {
				abandon(t, s)
				abandon(t, s)
			}
		}
		wantKeys(t, s, "", "", "timelines/00000001/timeline.json")
	})
}

func deleteMany(t *testing.T, s KeptStore) {
	const n = 1010 // more than a request of S3 takes
	var keys []string
	for i := range n {
		key := fmt.Sprintf("a/%04d", i)
		mustCreate(t, s, key, "x")
		keys = append(keys, key)
	}
	mustCreate(t, s, "a/stays", "x")
	for i, err := range s.DeleteAll(t.Context(), keys) {
		if err != nil {
			t.Fatalf("%s: %v", keys[i], err)
		}
	}
	wantKeys(t, s, "", "", "a/stays")
}

func deleteAnswers(t *testing.T, s KeptStore) {
	mustCreate(t, s, "a/b", "x")
	mustCreate(t, s, "c d&<e>", "x")
	keys := []string{"missing", "../bad", "a/b", "", "c d&<e>"}
	errs := s.DeleteAll(t.Context(), keys)
	if len(errs) != len(keys) {
		t.Fatalf("%d answers for %d keys", len(errs), len(keys))
	}
	for i, want := range []fault.Kind{"", fault.Invalid, "", fault.Invalid, ""} {
		if fault.KindOf(errs[i]) != want {
			t.Errorf("%q: %v", keys[i], errs[i])
		}
	}
	wantKeys(t, s, "", "")
	if errs := s.DeleteAll(t.Context(), nil); len(errs) != 0 {
		t.Errorf("of nothing: %v", errs)
	}
}

func deleteDone(t *testing.T, s KeptStore) {
	mustCreate(t, s, "a/b", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if errs := s.DeleteAll(ctx, []string{"a/b"}); len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("%v", errs)
	}
	if _, err := s.SweepUploads(ctx, time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("sweep: %v", err)
	}
	wantKeys(t, s, "", "", "a/b")
}
