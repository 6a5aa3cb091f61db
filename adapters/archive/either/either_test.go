package either_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/either"
	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/stored"
)

const theirFull = "v2/Full-00000000-00000062-1795363841"

// events counts what is told.
type events int

func (e *events) Observe(event.Event) { *e++ }

// bucket is a store with the objects of either program, read in either format.
type bucket struct {
	store *fake.ObjectStore
	told  events
	ports.Archive
	either.Keeper
}

func open(t *testing.T, own, theirs bool) *bucket {
	t.Helper()
	b := &bucket{store: fake.NewObjectStore()}
	if own {
		w, at := stored.New(t, b.store), time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
		epoch := w.Begin(2, at)
		w.Full(epoch, 0, 10, at, false)
		w.Delta(epoch, 11, 12, at)
	}
	if theirs {
		body := []byte("a snapshot")
		if err := b.store.Create(t.Context(), theirFull, bytes.NewReader(body), int64(len(body))); err != nil {
			t.Fatal(err)
		}
	}
	g := gardener.New(b.store)
	b.Archive = either.New(revkeeper.New(b.store), g, &b.told)
	b.Keeper = either.NewKeeper(revkeeper.NewKeeper(b.store, nil), gardener.NewKeeper(g))
	return b
}

func TestWhichFormatIsRead(t *testing.T) {
	for _, tc := range []struct {
		name        string
		own, theirs bool
		timelines   int
		last        int64
		told        events
		changed     fault.Kind // of listing it in order to change it
	}{
		{"an empty bucket is revkeeper's", false, false, 0, 0, 0, ""},
		{"revkeeper's", true, false, 1, 10, 0, ""},
		{"the other program's is read, and not changed", false, true, 1, 62, 0, fault.Unsupported},
		{"of both, revkeeper's counts, and that is told", true, true, 1, 10, 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := open(t, tc.own, tc.theirs)
			c, err := b.Catalogue(t.Context())
			if err != nil || len(c.Timelines) != tc.timelines || b.told != tc.told {
				t.Fatalf("%d timelines, told of %d things, %v", len(c.Timelines), b.told, err)
			}
			if tc.timelines > 0 {
				h := c.Timelines[0]
				if m, err := b.Manifest(t.Context(), h.NewestFull().Ref); err != nil || m.Last != tc.last {
					t.Errorf("a full of revision %d, %v", m.Last, err)
				}
			}
			if _, err := either.NewOwn(revkeeper.New(b.store)).Catalogue(t.Context()); fault.KindOf(err) != tc.changed {
				t.Errorf("who would change it is told %v", err)
			}
		})
	}
}

// Whatever is asked to be deleted, nothing goes if one of it is not revkeeper's.
func TestNothingOfTheOthersIsDeleted(t *testing.T) {
	b := open(t, true, true)
	c, err := b.Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own := c.Timelines[0].Deltas[0].Ref
	theirs, err := gardener.New(b.store).Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range b.Delete(t.Context(), []snapshot.Ref{own, theirs.Timelines[0].Fulls[0].Ref}) {
		if !errors.Is(err, fault.Unsupported) {
			t.Errorf("err = %v", err)
		}
	}
	for _, key := range []string{own.Key(), theirFull} {
		if _, err := b.store.Stat(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if errs := b.Delete(t.Context(), []snapshot.Ref{own}); errs[0] != nil {
		t.Error(errs)
	}
	if _, err := b.store.Stat(t.Context(), own.Key()); !errors.Is(err, fault.NotFound) {
		t.Errorf("revkeeper's own is still there: %v", err)
	}
}
