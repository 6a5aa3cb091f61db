package restore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/stored"
)

// small is a chain of a full and two deltas, each of several frames.
type small struct {
	t     *testing.T
	keys  []string
	bytes map[string][]byte
	want  stored.Changes // all of its history
	spool string
}

const (
	smallFull, smallEach = 12, 12 // revisions: 2–12, then two deltas of 12
	smallLast            = smallFull + 2*smallEach
)

func smallChain(t *testing.T) *small {
	t.Helper()
	s := &small{t: t, bytes: map[string][]byte{}, spool: t.TempDir()}
	rng := rand.NewChaCha8([32]byte{7})
	for rev := int64(2); rev <= smallLast; rev++ {
		value := make([]byte, 250<<10) // four to a frame
		_, _ = rng.Read(value)
		kv := binary.AppendUvarint([]byte{1<<3 | 2, 1, 'k', 2 << 3, byte(rev), 3 << 3, byte(rev), 4 << 3, 1, 5<<3 | 2}, uint64(len(value)))
		s.want = append(s.want, record.Record{Revision: record.Revision{Main: rev}, KeyValue: append(kv, value...)})
	}
	store := fake.NewObjectStore()
	w, err := revkeeper.NewWriter(store, s.spool)
	must(t, err)
	at := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	writer := snapshot.Writer{ClusterID: "cafe", MemberID: "a1", Version: "test"}
	_, err = w.Begin(t.Context(), timeline.Timeline{Reason: "test", First: 1, BeganAt: at, Writer: writer})
	must(t, err)
	base := s.want[:smallFull-1]
	spooled, err := fullspool.New(s.spool).Spool(t.Context(), bytes.NewReader(stored.Snapshot(t, s.spool, base, 0)), 0, chain.Range{})
	must(t, err)
	defer spooled.Release()
	_, err = w.StoreFull(t.Context(), snapshot.Ref{Epoch: 1, At: at}, snapshot.Manifest{Writer: writer, Auth: snapshot.Auth{Revision: 1}, TakenAt: at}, spooled)
	must(t, err)
	hash, err := proof.HashKV(base, smallFull, 0)
	must(t, err)
	must(t, w.StoreProof(t.Context(), 1, proof.Recorded{Hash: proof.Hash{HashKV: hash, Revision: smallFull}, MemberID: "a2", RecordedAt: at}))
	for first := smallFull - 1; first < len(s.want); first += smallEach {
		draft := w.Draft(64 << 20)
		for _, r := range s.want[first : first+smallEach] {
			must(t, draft.Append(r, at, at))
		}
		sealed, err := draft.Seal(snapshot.Envelope{Writer: writer, Epoch: 1, Auth: snapshot.Auth{Revision: 1}, SealedAt: at})
		must(t, err)
		must(t, w.StoreDelta(t.Context(), sealed))
		sealed.Release()
	}
	s.keys = store.Keys()
	for _, key := range s.keys {
		store.Corrupt(key, func(b []byte) []byte { s.bytes[key] = bytes.Clone(b); return b })
	}
	return s
}

// with is a store in which one object has another content.
func (s *small) with(key string, content []byte) *fake.ObjectStore {
	s.t.Helper()
	store := fake.NewObjectStore()
	for k, b := range s.bytes {
		if k == key {
			b = content
		}
		must(s.t, store.Create(s.t.Context(), k, bytes.NewReader(b), int64(len(b))))
	}
	return store
}

// rebuild restores the newest revision in a database of its own. It returns nil
// only if every record there is the one that was written.
func (s *small) rebuild(store ports.ObjectStore) error {
	r := restore.NewRebuilder(revkeeper.New(store), eventlog.Logger(slog.New(slog.DiscardHandler)))
	var staged ports.StagedDatabase
	return r.Run(s.t.Context(), restore.Point{Target: smallLast}, func(ctx context.Context) (ports.StagedDatabase, error) {
		var err error
		staged, err = datadir.NewBuilder(s.spool).Begin(ctx)
		return staged, err
	}, func(restore.Rebuilt) error {
		h, err := staged.History(s.t.Context())
		if err != nil {
			return err
		}
		n := 0
		for got, err := range h.Forward() {
			if err != nil {
				return err
			}
			if n >= len(s.want) || got.Revision != s.want[n].Revision || !bytes.Equal(got.KeyValue, s.want[n].KeyValue) {
				s.t.Errorf("a wrong record at %v", got.Revision)
			}
			n++
		}
		if n != len(s.want) {
			s.t.Errorf("%d records, want %d", n, len(s.want))
		}
		return nil
	})
}

// frames returns where the frames of an object begin, and where the last one ends.
func frames(content []byte) (at []int) {
	const header = 16
	next := 0
	for next+header <= len(content) && binary.LittleEndian.Uint32(content[next:]) == 0x184D2A5B {
		at = append(at, next)
		next += header + int(binary.LittleEndian.Uint32(content[next+8:]))
	}
	return append(at, next)
}

// damage is one way to spoil an object at a frame boundary; next is the one after
// it. Nil means that it cannot be done there.
type damage struct {
	name string
	do   func(b []byte, at, next, last int) []byte
}

func flip(by int) damage {
	return damage{fmt.Sprintf("flipped %d bytes after", by), func(b []byte, at, _, _ int) []byte {
		if at+by < 0 || at+by >= len(b) {
			return nil
		}
		b[at+by] ^= 0x10
		return b
	}}
}

var damages = []damage{
	flip(0), flip(8), flip(30), flip(-1),
	{"truncated", func(b []byte, at, _, _ int) []byte { return b[:at] }},
	{"a byte cut out", func(b []byte, at, _, _ int) []byte {
		if at == len(b) {
			return nil
		}
		return slices.Delete(b, at, at+1)
	}},
	{"a byte put in", func(b []byte, at, _, _ int) []byte { return slices.Insert(b, at, 0) }},
	{"the frame cut out", func(b []byte, at, next, _ int) []byte { return slices.Delete(b, at, next) }},
	{"the frame twice", func(b []byte, at, next, _ int) []byte { return slices.Insert(b, at, bytes.Clone(b[at:next])...) }},
	{"swapped with the first", func(b []byte, at, next, last int) []byte {
		if at == 0 || next > last {
			return nil
		}
		return slices.Concat(b[at:next], b[frames(b)[1]:at], b[:frames(b)[1]], b[next:])
	}},
}

// Whatever happens to a full or a delta at the beginning or end of a frame, the
// restore refuses it, with the object's name, the place, and what can be restored
// without it. Of all ways to damage the chain one in step is tried.
func damagedFrames(t *testing.T, step int) {
	s := smallChain(t)
	must(t, s.rebuild(s.with("", nil)))
	ways, tried, placed := 0, 0, 0
	for _, key := range s.keys {
		if !strings.HasSuffix(key, ".delta") && !strings.HasSuffix(key, ".db.zst") {
			continue
		}
		content := s.bytes[key]
		at := frames(content)
		if len(at) < 4 {
			t.Fatalf("%s has %d frames", key, len(at)-1)
		}
		last := at[len(at)-1]
		if last < len(content) { // a delta: its envelope and its end are boundaries too
			at = append(at, len(content)-48, len(content))
		}
		for i, from := range at {
			next := len(content)
			if i+1 < len(at) {
				next = at[i+1]
			}
			for _, d := range damages {
				bad := d.do(bytes.Clone(content), from, next, last)
				if bad == nil || bytes.Equal(bad, content) {
					continue
				}
				if ways++; ways%step != 0 {
					continue
				}
				tried++
				err := s.rebuild(s.with(key, bad))
				if !errors.Is(err, fault.Corrupt) {
					t.Errorf("%s, %s at %d: %v", key, d.name, from, err)
					continue
				}
				remedy := "restore one of these points"
				if strings.HasSuffix(key, ".db.zst") {
					remedy = "put a good copy of it in its place"
				}
				for _, want := range []string{path.Base(key), remedy, without(key)} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s, %s at %d: %q is missing in %v", key, d.name, from, want, err)
					}
				}
				if strings.Contains(err.Error(), "at offset") {
					placed++
				}
			}
		}
	}
	t.Logf("%d of %d ways to damage the chain: all refused, %d with the offset", tried, ways, placed)
	if tried < ways/step || placed < tried/2 {
		t.Errorf("%d tried, %d placed", tried, placed)
	}
}

func TestDamageAtFrames(t *testing.T) { damagedFrames(t, 7) }

// without is what an error must say is left without an object.
func without(key string) string {
	switch {
	case strings.HasSuffix(key, ".db.zst"):
		return "nothing can be restored"
	case strings.Contains(key, fmt.Sprintf("%020d-", smallLast)):
		return fmt.Sprintf("restorable: 1–%d", smallFull+smallEach)
	default:
		return fmt.Sprintf("restorable: 1–%d", smallFull)
	}
}

// damagedDescriptions changes single bytes of the small objects and of the
// deltas' envelopes. Some of them say nothing that a restore needs; what comes out
// is right or refused.
func damagedDescriptions(t *testing.T, step int) {
	s := smallChain(t)
	right, refused := 0, 0
	for _, key := range s.keys {
		content := s.bytes[key]
		from := 0
		switch {
		case strings.HasSuffix(key, ".db.zst"):
			continue
		case strings.HasSuffix(key, ".delta"):
			at := frames(content)
			from = at[len(at)-1]
		}
		for i := from; i < len(content); i += step {
			bad := bytes.Clone(content)
			bad[i] ^= 1
			err := s.rebuild(s.with(key, bad))
			switch kind := fault.KindOf(err); {
			case err == nil:
				right++
				if strings.HasSuffix(key, ".delta") {
					t.Errorf("byte %d of %s was not missed", i, key)
				}
			case kind == fault.Corrupt || kind == fault.Diverged || kind == fault.Unsupported || kind == fault.NotFound:
				refused++
			default:
				t.Errorf("byte %d of %s: %v", i, key, err)
			}
		}
		for _, n := range []int{0, len(content) / 2} {
			if err := s.rebuild(s.with(key, content[:n])); fault.KindOf(err) == fault.Internal {
				t.Errorf("%s cut to %d bytes: %v", key, n, err)
			}
		}
	}
	t.Logf("of single bytes changed, %d were refused and %d did no harm", refused, right)
	if refused == 0 || right == 0 {
		t.Error("nothing was tried")
	}
}

func TestDamagedDescriptions(t *testing.T) { damagedDescriptions(t, 397) }
