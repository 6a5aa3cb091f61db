package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
)

// Kept is an implementation of all three ports over a store.
type Kept struct {
	Pair
	ports.ArchiveKeeper
}

// RunKeeper tests one implementation of ports.ArchiveKeeper.
func RunKeeper(t *testing.T, implementation string, open func(t *testing.T, s ports.ObjectStore) Kept) {
	t.Helper()
	t.Logf("contract suite of ArchiveKeeper, implementation: %s", implementation)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, k Kept, s *fake.ObjectStore)
	}{
		{"an outline has everything but deltas", outline},
		{"what is whole reads back", wholeReadsBack},
		{"what is damaged does not, wherever the damage is", damagedDoesNot},
		{"each object gets its answer to a delete", deleteAnswers},
		{"pins and marks are noted once", notes},
		{"abandoned uploads go by age", sweeps},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) {
			s := fake.NewObjectStore()
			c.run(t, open(t, s), s)
		})
	}
}

// storeWhole stores a full whose digest is right, though no database.
func storeWhole(t *testing.T, a Pair, epoch int, last int64) timeline.Full {
	t.Helper()
	database := bytes.Repeat([]byte("0123456789abcdef"), 4096/16)
	sum := sha256.Sum256(database)
	content := append(database, sum[:]...)
	stored := sha256.Sum256(content)
	full, err := a.StoreFull(t.Context(), snapshot.Ref{Epoch: epoch, At: At}, snapshot.Manifest{EtcdVersion: "3.7.0"},
		ports.SpooledFull{Facts: ports.FullFacts{Last: last}, Body: bytes.NewReader(content), Size: int64(len(content)), StoredSize: int64(len(content)),
			SHA256: record.Digest(sum), Stored: record.Digest(stored), Release: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	return full
}

func outline(t *testing.T, k Kept, s *fake.ObjectStore) {
	ctx := t.Context()
	first := begin(t, k.Pair).Epoch
	storeWhole(t, k.Pair, first, 1)
	if err := k.StoreDelta(ctx, seal(t, k.Pair, first, Records(2, 5, "v"))); err != nil {
		t.Fatal(err)
	}
	if err := k.StoreProof(ctx, first, proof.Recorded{Hash: proof.Hash{Revision: 1}, RecordedAt: At}); err != nil {
		t.Fatal(err)
	}
	c, err := k.Catalogue(ctx)
	if err != nil {
		t.Fatal(err)
	}
	second := begin(t, k.Pair).Epoch // that the catalogue does not know
	storeWhole(t, k.Pair, second, 7)
	for _, kind := range []snapshot.Ref{
		{Kind: snapshot.KindPin, Epoch: first, Last: 3, At: At},
		{Kind: snapshot.KindMark, Epoch: first, ID: string(snapshot.Retired)},
	} {
		if err := k.Note(ctx, kind, snapshot.Note{At: At}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := k.Outline(ctx, c)
	if err != nil || len(got.Timelines) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	h := got.Timelines[0]
	if len(h.Deltas) != 0 || len(h.Fulls) != 1 || !h.Fulls[0].Finished || len(h.Pins) != 1 || !h.Marked(snapshot.Retired) {
		t.Errorf("%+v", h)
	}
	if h := got.Timelines[1]; h.Epoch != second || len(h.Fulls) != 1 {
		t.Errorf("%+v", h)
	}
	s.Inject(fake.Fault{Op: fake.List, CutAfter: -1})
	if _, err := k.Outline(ctx, c); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a listing that breaks: %v", err)
	}
}

func wholeReadsBack(t *testing.T, k Kept, _ *fake.ObjectStore) {
	epoch := begin(t, k.Pair).Epoch
	full := storeWhole(t, k.Pair, epoch, 1)
	d := seal(t, k.Pair, epoch, Records(2, 5, "v"))
	if err := k.StoreDelta(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if n, err := k.ReadBack(t.Context(), full.Ref); n != full.Size || err != nil {
		t.Errorf("full: %d bytes, %v", n, err)
	}
	if n, err := k.ReadBack(t.Context(), d.Ref); n < 1 || err != nil {
		t.Errorf("delta: %d bytes, %v", n, err)
	}
}

func damagedDoesNot(t *testing.T, k Kept, s *fake.ObjectStore) {
	epoch := begin(t, k.Pair).Epoch
	full := storeWhole(t, k.Pair, epoch, 1)
	d := seal(t, k.Pair, epoch, Records(2, 5, "v"))
	if err := k.StoreDelta(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []snapshot.Ref{full.Ref, d.Ref} {
		for at, change := range map[string]func([]byte) []byte{
			"first byte": func(b []byte) []byte { b[0] ^= 1; return b },
			"last byte":  func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			"short":      func(b []byte) []byte { return b[:len(b)-1] },
			"long":       func(b []byte) []byte { return append(b, 0) },
			"empty":      func([]byte) []byte { return nil },
			// Whole in itself, but another than the description says.
			"another": func(b []byte) []byte {
				sum := sha256.Sum256(b[:512])
				return append(bytes.Clone(b[:512]), sum[:]...)
			},
		} {
			var good []byte
			s.Corrupt(ref.Key(), func(b []byte) []byte { good = bytes.Clone(b); return change(b) })
			if _, err := k.ReadBack(t.Context(), ref); !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), ref.Key()) {
				t.Errorf("%s, %s: %v", ref.Kind, at, err)
			}
			s.Corrupt(ref.Key(), func([]byte) []byte { return good })
		}
		if _, err := k.ReadBack(t.Context(), ref); err != nil {
			t.Errorf("mended: %v", err)
		}
	}
	s.Inject(fake.Fault{Op: fake.Open, Key: full.Key(), CutAfter: 100})
	if _, err := k.ReadBack(t.Context(), full.Ref); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a stream that breaks is no damage: %v", err)
	}
	if err := s.Delete(t.Context(), full.Manifest().Key()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.ReadBack(t.Context(), full.Ref); !errors.Is(err, fault.Corrupt) {
		t.Errorf("a full without a description: %v", err)
	}
	missing := d.Ref
	missing.Epoch = 9
	if _, err := k.ReadBack(t.Context(), missing); !errors.Is(err, fault.NotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

func deleteAnswers(t *testing.T, k Kept, s *fake.ObjectStore) {
	epoch := begin(t, k.Pair).Epoch
	full := storeWhole(t, k.Pair, epoch, 1)
	s.Inject(fake.Fault{Op: fake.Delete, Key: full.Manifest().Key(), Times: -1, Err: fault.New(fault.Immutable, "delete", full.Key(), "locked")})
	missing := full.Ref
	missing.Epoch = 9
	errs := k.Delete(t.Context(), []snapshot.Ref{missing, full.Manifest(), full.Ref})
	if len(errs) != 3 || errs[0] != nil || !errors.Is(errs[1], fault.Immutable) || errs[2] != nil {
		t.Errorf("%v", errs)
	}
	if _, err := s.Stat(t.Context(), full.Key()); !errors.Is(err, fault.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

func notes(t *testing.T, k Kept, s *fake.ObjectStore) {
	epoch := begin(t, k.Pair).Epoch
	pin := snapshot.Ref{Kind: snapshot.KindPin, Epoch: epoch, Last: 3, At: At}
	for range 2 {
		if err := k.Note(t.Context(), pin, snapshot.Note{Note: "before the upgrade", At: At}); err != nil {
			t.Error(err)
		}
	}
	suspicion := snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: epoch, Last: 2, At: At}
	if err := k.Note(t.Context(), suspicion, snapshot.Note{Note: "it failed a proof", At: At}); err != nil {
		t.Error(err)
	}
	if err := k.Note(t.Context(), snapshot.Ref{Kind: snapshot.KindDelta, Epoch: epoch}, snapshot.Note{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("a note under the name of a delta: %v", err)
	}
	if got, err := k.Noted(t.Context(), pin); err != nil || got.Note != "before the upgrade" || !got.At.Equal(At) {
		t.Errorf("read back: %+v, %v", got, err)
	}
	if _, err := k.Noted(t.Context(), snapshot.Ref{Kind: snapshot.KindPin, Epoch: epoch, Last: 9, At: At}); !errors.Is(err, fault.NotFound) {
		t.Errorf("a pin that is not there: %v", err)
	}
	c, err := k.Catalogue(t.Context())
	if err != nil || len(c.Timelines[0].Pins) != 1 || c.Timelines[0].Pins[0] != pin || len(c.Timelines[0].Suspects) != 1 || c.Timelines[0].Suspects[0] != suspicion {
		t.Errorf("%+v, %v", c, err)
	}
	if errs := k.Delete(t.Context(), []snapshot.Ref{pin}); errs[0] != nil || len(s.Keys()) != 3 {
		t.Errorf("unpinned: %v, %v", errs, s.Keys())
	}
}

func sweeps(t *testing.T, k Kept, s *fake.ObjectStore) {
	s.Abandon(At)
	s.Abandon(At.Add(time.Hour))
	if n, err := k.Sweep(t.Context(), At.Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
