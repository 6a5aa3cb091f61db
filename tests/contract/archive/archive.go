// Package archive is the contract suite of ports.Archive and ports.ArchiveWriter
// over one bucket.
package archive

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
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

// Pair is an implementation over a store.
type Pair struct {
	ports.Archive
	ports.ArchiveWriter
	ports.ArchiveCompactor
}

// At is the instant in the keys that the suite makes.
var At = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// Run tests one implementation; open returns it over the given store.
func Run(t *testing.T, implementation string, open func(t *testing.T, s ports.ObjectStore) Pair) {
	t.Helper()
	t.Logf("contract suite of Archive and ArchiveWriter, implementation: %s", implementation)
	RunReader(t, implementation, func(t *testing.T, s ports.ObjectStore) ports.Archive { return open(t, s).Archive },
		func(t *testing.T, s ports.ObjectStore, b Backup) {
			a := open(t, s)
			epoch := begin(t, a).Epoch
			storeFull(t, a, epoch, 0, 1, string(b.Full))
			if err := a.StoreDelta(t.Context(), seal(t, a, epoch, b.Delta)); err != nil {
				t.Fatal(err)
			}
		})
	for _, c := range []struct {
		name string
		run  func(t *testing.T, a Pair, s *fake.ObjectStore)
	}{
		{"what is stored is catalogued and reads back", readsBack},
		{"of two that begin at once each has an epoch", concurrentBegin},
		{"the same delta again is success", sameDeltaAgain},
		{"another delta under the name is refused", otherDelta},
		{"a damaged description is corrupt and names the object", damagedDescription},
		{"a full without a description is not finished", unfinished},
		{"a draft refuses what does not follow", badDraft},
		{"a roll-up holds what its deltas held", rollsUp},
		{"the same deltas rolled up by others are the same delta", rollsUpAlike},
		{"a roll-up of damaged or foreign deltas is refused", refusesRollUp},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) {
			s := fake.NewObjectStore()
			c.run(t, open(t, s), s)
		})
	}
}

func begin(t *testing.T, a Pair) timeline.Timeline {
	t.Helper()
	began, err := a.Begin(t.Context(), timeline.Timeline{Reason: "test", First: 2, BeganAt: At, Writer: snapshot.Writer{ClusterID: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	return began
}

// Records returns one record a revision: a key that is made anew with the value.
func Records(first, last int64, value string) []record.Record {
	var out []record.Record
	for rev := first; rev <= last; rev++ {
		kv := []byte("\x0a\x01k")
		kv = binary.AppendUvarint(append(kv, 2<<3), uint64(rev)) // create_revision
		kv = binary.AppendUvarint(append(kv, 3<<3), uint64(rev)) // mod_revision
		kv = append(kv, 4<<3, 1)                                 // version
		kv = append(binary.AppendUvarint(append(kv, 5<<3|2), uint64(len(value))), value...)
		out = append(out, record.Record{Revision: record.Revision{Main: rev}, KeyValue: kv})
	}
	return out
}

func seal(t *testing.T, a Pair, epoch int, recs []record.Record) ports.SealedDelta {
	t.Helper()
	d := a.Draft(1 << 20)
	size := int64(0)
	for _, r := range recs {
		if err := d.Append(r, At, At.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if d.Size() < size {
			t.Errorf("the size shrank from %d to %d", size, d.Size())
		}
		size = d.Size()
	}
	sealed, err := d.Seal(snapshot.Envelope{Epoch: epoch, SealedAt: At, Writer: snapshot.Writer{ClusterID: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sealed.Release)
	return sealed
}

func storeFull(t *testing.T, a Pair, epoch int, first, last int64, content string) timeline.Full {
	t.Helper()
	full, err := a.StoreFull(t.Context(), snapshot.Ref{Epoch: epoch, At: At}, snapshot.Manifest{EtcdVersion: "3.7.0"},
		ports.SpooledFull{Facts: ports.FullFacts{Last: last, Compact: first}, Body: strings.NewReader(content),
			StoredSize: int64(len(content)), Size: int64(len(content)), Release: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	return full
}

func readsBack(t *testing.T, a Pair, s *fake.ObjectStore) {
	ctx := t.Context()
	epoch := begin(t, a).Epoch
	full := storeFull(t, a, epoch, 0, 1, "the database")
	recs := Records(2, 40, "v")
	sealed := seal(t, a, epoch, recs)
	if err := a.StoreDelta(ctx, sealed); err != nil {
		t.Fatal(err)
	}
	if err := a.StoreProof(ctx, epoch, proof.Recorded{Hash: proof.Hash{Revision: 1, HashKV: 5}, RecordedAt: At}); err != nil {
		t.Fatal(err)
	}
	if err := a.StoreVerified(ctx, proof.Verified{Recorded: proof.Recorded{Hash: proof.Hash{Revision: 1, HashKV: 5}}, Timeline: epoch, VerifiedAt: At}); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "somebody's/file", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	c, err := a.Catalogue(ctx)
	if err != nil || len(c.Timelines) != 1 || len(c.Foreign) != 1 || c.Format == nil {
		t.Fatalf("%+v, %v", c, err)
	}
	h := c.Timelines[0]
	if h.Reason != "test" || !h.Described || len(h.Fulls) != 1 || !h.Fulls[0].Finished || len(h.Deltas) != 1 || len(h.Proofs) != 1 || len(h.Verified) != 1 || h.Verified[0].Last != 1 {
		t.Fatalf("%+v", h)
	}
	if h.Fulls[0].Ref != full.Ref || h.Deltas[0].Ref != sealed.Ref || h.Deltas[0].Size != sealed.Size {
		t.Errorf("listed %+v and %+v", h.Fulls[0], h.Deltas[0])
	}
	if m, err := a.Manifest(ctx, full.Ref); err != nil || m.Last != 1 || m.EtcdVersion != "3.7.0" {
		t.Errorf("manifest %+v, %v", m, err)
	}
	if p, err := a.Proof(ctx, h.Proofs[0]); err != nil || p.HashKV != 5 {
		t.Errorf("proof %+v, %v", p, err)
	}
	body, err := a.OpenFull(ctx, full.Ref)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if string(content) != "the database" || errors.Join(err, body.Close()) != nil {
		t.Errorf("full %q, %v", content, err)
	}
	got, err := readDelta(t, a, sealed.Ref)
	if err != nil || !slices.EqualFunc(got, recs, func(x, y record.Record) bool {
		return x.Revision == y.Revision && x.Tombstone == y.Tombstone && string(x.KeyValue) == string(y.KeyValue)
	}) {
		t.Errorf("%d records, %v", len(got), err)
	}
}

func concurrentBegin(t *testing.T, a Pair, _ *fake.ObjectStore) {
	const writers = 8
	epochs := make([]int, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			began, err := a.Begin(t.Context(), timeline.Timeline{First: int64(i) + 1, BeganAt: At})
			if err != nil {
				t.Error(err)
			}
			epochs[i] = began.Epoch
		})
	}
	group.Wait()
	slices.Sort(epochs)
	for i, e := range epochs {
		if e != i+1 {
			t.Fatalf("epochs %v", epochs)
		}
	}
}

func sameDeltaAgain(t *testing.T, a Pair, s *fake.ObjectStore) {
	d := seal(t, a, begin(t, a).Epoch, Records(2, 5, "v"))
	s.Inject(fake.Fault{Op: fake.Create, Key: d.Ref.Key(), After: true})
	if err := a.StoreDelta(t.Context(), d); !errors.Is(err, fault.Unavailable) {
		t.Errorf("the lost reply: %v", err)
	}
	keys := len(s.Keys())
	if err := a.StoreDelta(t.Context(), d); err != nil || len(s.Keys()) != keys {
		t.Errorf("again: %v, %v", err, s.Keys())
	}
}

func otherDelta(t *testing.T, a Pair, s *fake.ObjectStore) {
	epoch := begin(t, a).Epoch
	d, other := seal(t, a, epoch, Records(2, 5, "v")), seal(t, a, epoch, Records(2, 5, "w"))
	if d.Ref == other.Ref {
		t.Fatal("two contents, one name")
	}
	if err := a.StoreDelta(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, other.Size)
	if _, err := other.Body.ReadAt(content, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), d.Ref.Key(), strings.NewReader(string(content)), other.Size); err != nil {
		t.Fatal(err)
	}
	if err := a.StoreDelta(t.Context(), d); err == nil {
		t.Error("another delta under the name was taken for the same")
	}
}

func damagedDescription(t *testing.T, a Pair, s *fake.ObjectStore) {
	full := storeFull(t, a, begin(t, a).Epoch, 0, 1, "the database")
	s.Corrupt(full.Manifest().Key(), func(b []byte) []byte { return b[:len(b)/2] })
	if _, err := a.Manifest(t.Context(), full.Ref); !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), full.Manifest().Key()) {
		t.Errorf("a damaged manifest: %v", err)
	}
	missing := snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 3, At: At, ID: "01234567"}
	if _, err := a.Manifest(t.Context(), missing); !errors.Is(err, fault.NotFound) {
		t.Errorf("a missing manifest: %v", err)
	}
}

func unfinished(t *testing.T, a Pair, s *fake.ObjectStore) {
	epoch := begin(t, a).Epoch
	full := storeFull(t, a, epoch, 0, 1, "the database")
	if err := s.Delete(t.Context(), full.Manifest().Key()); err != nil {
		t.Fatal(err)
	}
	c, err := a.Catalogue(t.Context())
	if err != nil || c.Timelines[0].NewestFull() != nil {
		t.Errorf("it counts as finished: %v", err)
	}
}

func badDraft(t *testing.T, a Pair, _ *fake.ObjectStore) {
	d := a.Draft(1 << 20)
	defer d.Discard()
	for _, r := range Records(2, 3, "v") {
		if err := d.Append(r, At, At); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Append(Records(5, 5, "v")[0], At, At); !errors.Is(err, fault.Corrupt) {
		t.Errorf("err = %v", err)
	}
}
