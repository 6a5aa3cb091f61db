package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
)

// Backup is what a format's own writer puts into a store: a full of revision 1 and
// a delta of revisions after it.
type Backup struct {
	Full  []byte // what OpenFull must give back
	Delta []record.Record
}

// RunReader tests the reading half of one implementation, over stores that fill
// writes in its format.
func RunReader(t *testing.T, implementation string, open func(t *testing.T, s ports.ObjectStore) ports.Archive, fill func(t *testing.T, s ports.ObjectStore, b Backup)) {
	t.Helper()
	t.Logf("contract suite of Archive, implementation: %s", implementation)
	filled := func(t *testing.T, delta []record.Record) (ports.Archive, *fake.ObjectStore, timeline.History) {
		t.Helper()
		s := fake.NewObjectStore()
		fill(t, s, Backup{Full: []byte("the database"), Delta: delta})
		a := open(t, s)
		c, err := a.Catalogue(t.Context())
		if err != nil || c.Format == nil || len(c.Timelines) != 1 || len(c.Timelines[0].Fulls) != 1 || len(c.Timelines[0].Deltas) != 1 {
			t.Fatalf("catalogue %+v, %v", c, err)
		}
		return a, s, c.Timelines[0]
	}
	t.Run(implementation+"/an empty bucket is an empty catalogue", func(t *testing.T) {
		c, err := open(t, fake.NewObjectStore()).Catalogue(t.Context())
		if err != nil || len(c.Timelines) != 0 || c.Format != nil {
			t.Errorf("%+v, %v", c, err)
		}
	})
	t.Run(implementation+"/a backup reads back", func(t *testing.T) {
		delta := Records(2, 40, "v")
		a, _, h := filled(t, delta)
		backupReadsBack(t, a, h, delta)
	})
	t.Run(implementation+"/missing objects are not found", func(t *testing.T) {
		a, s, h := filled(t, Records(2, 5, "v"))
		for _, key := range s.Keys() {
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		missing(t, a, h)
	})
	t.Run(implementation+"/damage of a delta is corrupt and names the object", func(t *testing.T) {
		a, s, h := filled(t, Records(2, 5, "v"))
		damage(t, a, s, h.Deltas[0].Ref)
	})
	t.Run(implementation+"/a consumer may stop early", func(t *testing.T) {
		a, _, h := filled(t, Records(2, 60, strings.Repeat("v", 100)))
		env, err := a.Envelope(t.Context(), h.Deltas[0].Ref)
		if err != nil {
			t.Fatal(err)
		}
		for range a.OpenDelta(t.Context(), env, h.Deltas[0].Ref) {
			break
		}
	})
	t.Run(implementation+"/a context that ended ends the reading", func(t *testing.T) {
		a, _, h := filled(t, Records(2, 60, "v"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, listing := a.Catalogue(ctx)
		_, describing := a.Envelope(ctx, h.Deltas[0].Ref)
		for what, err := range map[string]error{"Catalogue": listing, "Envelope": describing} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v", what, err)
			}
		}
	})
}

func backupReadsBack(t *testing.T, a ports.Archive, h timeline.History, want []record.Record) {
	full, delta := h.Fulls[0], h.Deltas[0]
	if !full.Finished || full.Last != 1 || full.Size == 0 || delta.First != want[0].Main || delta.Last != want[len(want)-1].Main || delta.Size == 0 {
		t.Errorf("listed %+v and %+v", full, delta)
	}
	if m, err := a.Manifest(t.Context(), full.Ref); err != nil || m.Last != full.Last || m.Compact != full.First {
		t.Errorf("manifest %+v, %v", m, err)
	}
	body, err := a.OpenFull(t.Context(), full.Ref)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if string(content) != "the database" || errors.Join(err, body.Close()) != nil {
		t.Errorf("full %q, %v", content, err)
	}
	env, err := a.Envelope(t.Context(), delta.Ref)
	if err != nil || env.Epoch != h.Epoch || env.First != delta.First || env.Last != delta.Last || env.Records != int64(len(want)) {
		t.Errorf("envelope %+v, %v", env, err)
	}
	var d record.Digester
	for _, r := range want {
		d.Write(r)
	}
	if whole, tail := d.Finish(); env.Digest != whole || !slices.Equal(env.Tail, tail) {
		t.Errorf("digest %s and %d of revisions, want %s and %d", env.Digest, len(env.Tail), whole, len(tail))
	}
	if n := len(env.Times); n == 0 || env.Times[n-1].Revision != delta.Last || env.Times[n-1].NotAfter.IsZero() {
		t.Errorf("times %v", env.Times)
	}
	got, err := readDelta(t, a, delta.Ref)
	if err != nil || !slices.EqualFunc(got, want, func(x, y record.Record) bool {
		return x.Revision == y.Revision && x.Tombstone == y.Tombstone && bytes.Equal(x.KeyValue, y.KeyValue)
	}) {
		t.Errorf("%d records, %v", len(got), err)
	}
}

func readDelta(t *testing.T, a ports.Archive, ref snapshot.Ref) ([]record.Record, error) {
	t.Helper()
	env, err := a.Envelope(t.Context(), ref)
	if err != nil {
		return nil, err
	}
	var out []record.Record
	failed := error(nil)
	for b, err := range a.OpenDelta(t.Context(), env, ref) {
		if failed != nil {
			t.Error("something came after the error")
		}
		out, failed = append(out, b.Records...), err
	}
	return out, failed
}

func missing(t *testing.T, a ports.Archive, h timeline.History) {
	full, delta := h.Fulls[0].Ref, h.Deltas[0].Ref
	_, envErr := a.Envelope(t.Context(), delta)
	_, manifestErr := a.Manifest(t.Context(), full)
	_, fullErr := a.OpenFull(t.Context(), full)
	_, proofErr := a.Proof(t.Context(), snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: 3, At: At})
	_, openErr := drain(a.OpenDelta(t.Context(), snapshot.Envelope{}, delta))
	for what, err := range map[string]error{"Envelope": envErr, "Manifest": manifestErr, "OpenFull": fullErr, "Proof": proofErr, "OpenDelta": openErr} {
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("%s = %v", what, err)
		}
	}
}

func drain(blocks func(func(ports.Block, error) bool)) (n int, err error) {
	for b, e := range blocks {
		n, err = n+len(b.Records), e
	}
	return n, err
}

func damage(t *testing.T, a ports.Archive, s *fake.ObjectStore, delta snapshot.Ref) {
	for _, change := range []func([]byte) []byte{
		func(b []byte) []byte { b[0] ^= 1; return b },
		func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return append(b, 0) },
		func([]byte) []byte { return nil },
	} {
		var good []byte
		s.Corrupt(delta.Key(), func(b []byte) []byte { good = append([]byte(nil), b...); return change(b) })
		if _, err := readDelta(t, a, delta); !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), delta.Key()) {
			t.Errorf("a damaged delta: %v", err)
		}
		s.Corrupt(delta.Key(), func([]byte) []byte { return good })
	}
}
