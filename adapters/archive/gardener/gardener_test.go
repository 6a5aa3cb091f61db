package gardener_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/archive"
	"github.com/revkeeper/revkeeper/tests/fake"
	theirs "github.com/revkeeper/revkeeper/tests/gardener"
)

func store(t testing.TB, s ports.ObjectStore, key, wrapper string, content []byte) {
	t.Helper()
	content = theirs.Wrap(t, content, wrapper)
	if err := s.Create(t.Context(), key+wrapper, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

// eventsOf writes records a second a revision apart.
func eventsOf(t testing.TB, recs []record.Record) string {
	t.Helper()
	return theirs.Events(t, recs, func(revision int64) time.Time { return contract.At.Add(time.Duration(revision) * time.Second) })
}

func TestContract(t *testing.T) {
	for _, wrapper := range theirs.Wrappers() {
		for _, layout := range []string{"v2/", "v1/Backup-1795363840/"} {
			contract.RunReader(t, "gardener "+layout+wrapper, func(_ *testing.T, s ports.ObjectStore) ports.Archive { return gardener.New(s) },
				func(t *testing.T, s ports.ObjectStore, b contract.Backup) {
					store(t, s, layout+"Full-00000000-00000001-1795363841", wrapper, b.Full)
					last := b.Delta[len(b.Delta)-1].Main
					store(t, s, fmt.Sprintf("%sIncr-%08d-%08d-1795363843", layout, b.Delta[0].Main, last), wrapper, theirs.Seal(eventsOf(t, b.Delta)))
				})
		}
	}
}

// The changes of the example in the format's own documentation, and what etcd's
// database holds of them.
const example = `[{"etcdEvent":{"kv":{"key":"Zm9v","create_revision":2,"mod_revision":3,"version":2,"value":"YmFy","lease":7587869}},"time":"2024-01-02T03:04:05.678901234Z"},` +
	`{"etcdEvent":{"type":1,"kv":{"key":"Zm9v","mod_revision":4}},"time":"2024-01-02T03:04:05.678901234Z"}]`

func delta(t testing.TB, name string, content []byte) (ports.Archive, snapshot.Ref) {
	t.Helper()
	s := fake.NewObjectStore()
	store(t, s, "v2/"+name, "", content)
	a := gardener.New(s)
	c, err := a.Catalogue(t.Context())
	if err != nil || len(c.Timelines) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	return a, c.Timelines[0].Deltas[0].Ref
}

func read(t testing.TB, a ports.Archive, ref snapshot.Ref) (out []record.Record, err error) {
	t.Helper()
	for b, e := range a.OpenDelta(t.Context(), snapshot.Envelope{}, ref) {
		out, err = append(out, b.Records...), e
	}
	return out, err
}

func TestExample(t *testing.T) {
	a, ref := delta(t, "Incr-00000003-00000004-1704164646", theirs.Seal(example))
	recs, err := read(t, a, ref)
	if err != nil || len(recs) != 2 {
		t.Fatalf("%+v, %v", recs, err)
	}
	if got, want := fmt.Sprintf("%x %x", recs[0].KeyValue, recs[1].KeyValue), "0a03666f6f1002180320022a03626172309d90cf03 0a03666f6f"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if recs[0].Tombstone || !recs[1].Tombstone || recs[1].Revision != (record.Revision{Main: 4}) {
		t.Errorf("%+v", recs)
	}
	env, err := a.Envelope(t.Context(), ref)
	if err != nil || !slices.Equal(env.Leases, []snapshot.Lease{{ID: 7587869, State: snapshot.LeaseUnknown}}) {
		t.Errorf("%+v, %v", env, err)
	}
	if len(env.Times) != 1 || env.Times[0].Revision != 4 || !env.Times[0].NotAfter.Equal(time.Date(2024, 1, 2, 3, 4, 5, 678901234, time.UTC)) {
		t.Errorf("times %+v", env.Times)
	}
}

func TestDamage(t *testing.T) {
	put := func(key string, rev int) string {
		return fmt.Sprintf(`{"etcdEvent":{"kv":{"key":%q,"create_revision":%d,"mod_revision":%d,"version":1}},"time":"2024-01-02T03:04:05Z"}`, key, rev, rev)
	}
	list := func(events ...string) string { return "[" + strings.Join(events, ",") + "]" }
	whole := theirs.Seal(list(put("YQ==", 3), put("YQ==", 4)))
	flipped := bytes.Replace(whole, []byte("YQ=="), []byte("Yg=="), 1)
	for _, tc := range []struct {
		name, told string
		content    []byte
	}{
		{"another content than the digest's", "hashes to", flipped},
		{"another digest", "hashes to", append(whole[:len(whole)-1:len(whole)-1], whole[len(whole)-1]^1)},
		{"cut off within the digest", "hashes to", whole[:len(whole)-1]},
		{"cut off within the events", "hashes to", whole[:60]},
		{"shorter than a digest", "truncated", []byte("[")},
		{"nothing", "truncated", nil},
		{"a revision is missing", "revision 5.0 cannot follow 3.0", theirs.Seal(list(put("YQ==", 3), put("YQ==", 5)))},
		{"the first is missing", "revision 4.0 cannot follow 2.0", theirs.Seal(list(put("YQ==", 4)))},
		{"the last is missing", "they reach revision 3, the name says 4", theirs.Seal(list(put("YQ==", 3)))},
		{"more than the name says", "they reach revision 5, the name says 4", theirs.Seal(list(put("YQ==", 3), put("YQ==", 4), put("YQ==", 5)))},
		{"none at all", "they reach revision 0", theirs.Seal("[]")},
		{"in another order", "revision 4.0 cannot follow 2.0", theirs.Seal(list(put("YQ==", 4), put("YQ==", 3)))},
		{"one again", "revision 3.0 cannot follow 4.0", theirs.Seal(list(put("YQ==", 3), put("YQ==", 4), put("YQ==", 3)))},
		{"no key", "no key", theirs.Seal(list(put("", 3), put("YQ==", 4)))},
		{"no revision", "no revision", theirs.Seal(`[{"etcdEvent":{"kv":{"key":"YQ=="}}}]`)},
		{"an event of another type", "type 2", theirs.Seal(`[{"etcdEvent":{"type":2,"kv":{"key":"YQ==","mod_revision":3}}}]`)},
		{"a key that is no base64", "base64", theirs.Seal(list(put("?", 3), put("YQ==", 4)))},
		{"no list", "must be", theirs.Seal(`{"events":[]}`)},
		{"something after the list", "follows the events", theirs.Seal(list(put("YQ==", 3), put("YQ==", 4)) + "[]")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, ref := delta(t, "Incr-00000003-00000004-1704164646", tc.content)
			_, described := a.Envelope(t.Context(), ref)
			_, opened := read(t, a, ref)
			for _, err := range []error{described, opened} {
				if !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), tc.told) || !strings.Contains(err.Error(), ref.Key()) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// Whatever single byte is another, the delta is found damaged, or its wrapper does
// not care and every record is as it was.
func TestEveryByte(t *testing.T) {
	for _, wrapper := range theirs.Wrappers() {
		s := fake.NewObjectStore()
		const name = "v2/Incr-00000003-00000004-1704164646"
		store(t, s, name, wrapper, theirs.Seal(example))
		a := gardener.New(s)
		c, err := a.Catalogue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ref, size := c.Timelines[0].Deltas[0].Ref, c.Timelines[0].Deltas[0].Size
		want, err := read(t, a, ref)
		if err != nil {
			t.Fatal(err)
		}
		passed := 0
		for at := range size {
			for _, flip := range []byte{1, 0x80} {
				s.Corrupt(ref.Key(), func(b []byte) []byte { b[at] ^= flip; return b })
				got, err := read(t, a, ref)
				s.Corrupt(ref.Key(), func(b []byte) []byte { b[at] ^= flip; return b })
				switch {
				case err == nil && slices.EqualFunc(got, want, func(x, y record.Record) bool {
					return x.Revision == y.Revision && x.Tombstone == y.Tombstone && bytes.Equal(x.KeyValue, y.KeyValue)
				}):
					passed++
				case !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), ref.Key()):
					t.Errorf("%s: byte %d: %v", ref.Key(), at, err)
				}
			}
		}
		if passed > 16 { // a gzip header has a time, flags and a system that nobody reads
			t.Errorf("%s: %d changes made no difference", ref.Key(), passed)
		}
		t.Logf("%q: %d of %d changes made no difference", wrapper, passed, 2*size)
	}
}

// A revision may be larger than what etcd takes in a request, since a range
// deletion is one: more changes than any transaction may have.
func TestARevisionOfAnySize(t *testing.T) {
	const changes = 20_000
	recs := make([]record.Record, changes)
	for i := range recs {
		recs[i] = record.Record{Revision: record.Revision{Main: 3, Sub: int64(i)}, Tombstone: true, KeyValue: record.AppendTombstone(nil, fmt.Appendf(nil, "key %d", i))}
	}
	a, ref := delta(t, "Incr-00000003-00000003-1704164646", theirs.Seal(eventsOf(t, recs)))
	got, err := read(t, a, ref)
	if err != nil || len(got) != changes || got[changes-1].Sub != changes-1 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

func TestAnEventWithoutEnd(t *testing.T) {
	const name, limit = "v2/Incr-00000003-00000003-1704164646", 1 << 20
	s := fake.NewObjectStore()
	store(t, s, name, "", theirs.Seal(`[{"etcdEvent":{"kv":{"key":"`+strings.Repeat("YWFh", limit)))
	ref := snapshot.Ref{Kind: snapshot.KindDelta, First: 3, Last: 3, Object: name}
	if _, err := read(t, gardener.NewBounded(s, limit), ref); !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("%v", err)
	}
}

// The store's own failure is no damage: it may be well the next time.
func TestAStoreThatFailsIsNoDamage(t *testing.T) {
	s := fake.NewObjectStore()
	store(t, s, "v2/Incr-00000003-00000004-1704164646", ".gz", theirs.Seal(example))
	a := gardener.New(s)
	c, err := a.Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ref := c.Timelines[0].Deltas[0].Ref
	s.Inject(fake.Fault{Op: fake.Open, Key: ref.Key(), Err: fault.New(fault.Unavailable, "open", ref.Key(), "away")})
	if _, err := a.Envelope(t.Context(), ref); !errors.Is(err, fault.Unavailable) || errors.Is(err, fault.Corrupt) {
		t.Errorf("%v", err)
	}
}

// Where responses are more than there is room for, times lose precision and stay
// true: no change is said to have been seen earlier than it was.
func TestTimesOfManyResponses(t *testing.T) {
	const last = 20_001
	recs := contract.Records(2, last, "v")
	a, ref := delta(t, fmt.Sprintf("Incr-%08d-%08d-1895363843", 2, last), theirs.Seal(eventsOf(t, recs)))
	env, err := a.Envelope(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(env.Times); n < 2000 || n > 4096 {
		t.Errorf("%d instants", n)
	}
	first := int64(2)
	for _, i := range env.Times {
		seen := func(rev int64) time.Time { return contract.At.Add(time.Duration(rev) * time.Second) }
		if !i.NotAfter.Equal(seen(i.Revision)) || i.NotBefore.After(seen(first)) || i.Revision-first+1 > 8 {
			t.Fatalf("revisions %d–%d: %+v", first, i.Revision, i)
		}
		first = i.Revision + 1
	}
	if first != last+1 {
		t.Errorf("times end at %d", first-1)
	}
}

func TestReadBack(t *testing.T) {
	database := bytes.Repeat([]byte("0123456789abcdef"), 4096/16)
	for _, wrapper := range theirs.Wrappers() {
		s := fake.NewObjectStore()
		store(t, s, "v2/Full-00000000-00000002-1704164600", wrapper, theirs.Seal(string(database)))
		store(t, s, "v2/Incr-00000003-00000004-1704164646", wrapper, theirs.Seal(example))
		a := gardener.New(s)
		k := gardener.NewKeeper(a)
		c, err := a.Catalogue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h := c.Timelines[0]
		for ref, size := range map[snapshot.Ref]int64{h.Fulls[0].Ref: h.Fulls[0].Size, h.Deltas[0].Ref: h.Deltas[0].Size} {
			if n, err := k.ReadBack(t.Context(), ref); n != size || err != nil {
				t.Errorf("%s: %d bytes of %d, %v", ref.Key(), n, size, err)
			}
			for _, change := range []func([]byte) []byte{
				func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
				func(b []byte) []byte { return b[:len(b)-1] },
				func(b []byte) []byte { return append(b, 'x') },
			} {
				var good []byte
				s.Corrupt(ref.Key(), func(b []byte) []byte { good = bytes.Clone(b); return change(b) })
				if _, err := k.ReadBack(t.Context(), ref); !errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), ref.Key()) {
					t.Errorf("damaged %s: %v", ref.Key(), err)
				}
				s.Corrupt(ref.Key(), func([]byte) []byte { return good })
			}
			before := s.Keys()
			_, sweep := k.Sweep(t.Context(), time.Now())
			for _, err := range append(k.Delete(t.Context(), []snapshot.Ref{ref}), k.Note(t.Context(), ref, snapshot.Note{}), sweep) {
				if !errors.Is(err, fault.Unsupported) {
					t.Errorf("changing %s: %v", ref.Key(), err)
				}
			}
			if !slices.Equal(s.Keys(), before) {
				t.Errorf("the bucket holds %v", s.Keys())
			}
		}
	}
}

func FuzzDelta(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`[]`))
	f.Add([]byte(`[{"etcdEvent":{"kv":{"key":"YQ==","mod_revision":3}}},null]`))
	f.Fuzz(func(t *testing.T, events []byte) {
		a, ref := delta(t, "Incr-00000003-00000004-1704164646", theirs.Seal(string(events)))
		recs, err := read(t, a, ref)
		if err != nil {
			if !errors.Is(err, fault.Corrupt) {
				t.Fatal(err)
			}
			return
		}
		next := record.After(2)
		for _, r := range recs {
			if err := next.Next(r); err != nil {
				t.Fatal(err)
			}
			if key, err := record.Key(r.KeyValue); err != nil || len(key) == 0 {
				t.Fatalf("key %q, %v", key, err)
			}
		}
		if next.Last() != 4 {
			t.Fatalf("ended at %d", next.Last())
		}
	})
}
