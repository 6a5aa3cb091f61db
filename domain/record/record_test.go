package record_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

func TestKeyGolden(t *testing.T) {
	for _, tc := range []struct {
		name string
		rec  record.Record
		want string
	}{
		{"a put", record.Record{Revision: record.Revision{Main: 2}}, "00000000000000025f0000000000000000"},
		{"the third change of a transaction", record.Record{Revision: record.Revision{Main: 258, Sub: 2}}, "00000000000001025f0000000000000002"},
		{"a deletion ends in t", record.Record{Revision: record.Revision{Main: 7, Sub: 1}, Tombstone: true}, "00000000000000075f000000000000000174"},
		{"the largest", record.Record{Revision: record.Revision{Main: math.MaxInt64, Sub: math.MaxInt64}}, "7fffffffffffffff5f7fffffffffffffff"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key := tc.rec.AppendKey(nil)
			if got := hex.EncodeToString(key); got != tc.want {
				t.Fatalf("key = %s, want %s", got, tc.want)
			}
			if len(key) != tc.rec.KeySize() {
				t.Errorf("KeySize = %d, want %d", tc.rec.KeySize(), len(key))
			}
			rev, tombstone, err := record.ParseKey(key)
			if err != nil || rev != tc.rec.Revision || tombstone != tc.rec.Tombstone {
				t.Errorf("ParseKey = %v %v %v", rev, tombstone, err)
			}
		})
	}
}

func TestKeysThatEtcdDoesNotWrite(t *testing.T) {
	for name, key := range map[string]string{
		"nothing":                     "",
		"a byte short":                "00000000000000025f00000000000000",
		"another mark than t":         "00000000000000025f000000000000000078",
		"another separator":           "00000000000000022d0000000000000000",
		"a negative revision":         "80000000000000025f0000000000000000",
		"a negative change within it": "00000000000000025f8000000000000000",
	} {
		raw, _ := hex.DecodeString(key)
		if _, err := record.Parse(raw, nil); !errors.Is(err, fault.Corrupt) {
			t.Errorf("%s: %v, want corrupt", name, err)
		}
	}
	key := record.Record{Revision: record.Revision{Main: 2}, Tombstone: true}.AppendKey(nil)
	if r, err := record.Parse(key, []byte("v")); err != nil || r.Main != 2 || !r.Tombstone || string(r.KeyValue) != "v" {
		t.Errorf("Parse = %+v, %v", r, err)
	}
}

func TestRevisionsAreOrderedAsTheirKeys(t *testing.T) {
	ascending := []record.Revision{{Main: 1}, {Main: 1, Sub: 1}, {Main: 1, Sub: 2}, {Main: 2}, {Main: 3, Sub: 1}}
	for i, a := range ascending {
		for j, b := range ascending {
			if a.Less(b) != (i < j) {
				t.Errorf("%v before %v: %v", a, b, a.Less(b))
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x02_\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x02_\x00\x00\x00\x00\x00\x00\x00\x00t"))
	f.Add([]byte("\xff\x00\x00\x00\x00\x00\x00\x02_\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, key []byte) {
		rev, tombstone, err := record.ParseKey(key)
		if err != nil {
			if !errors.Is(err, fault.Corrupt) {
				t.Fatalf("error of kind %q", fault.KindOf(err))
			}
			return
		}
		again := record.Record{Revision: rev, Tombstone: tombstone}.AppendKey(nil)
		if !bytes.Equal(again, key) {
			t.Fatalf("%x read as %v %v, written as %x", key, rev, tombstone, again)
		}
	})
}

func TestSequence(t *testing.T) {
	type step struct {
		main, sub int64
		ok        bool
	}
	for _, tc := range []struct {
		name  string
		after int64
		steps []step
	}{
		{"one change a revision", 10, []step{{11, 0, true}, {12, 0, true}}},
		{"a transaction's ordinals", 10, []step{{11, 0, true}, {11, 1, true}, {11, 2, true}, {12, 0, true}}},
		{"a missing revision is a loss", 10, []step{{11, 0, true}, {13, 0, false}, {12, 0, true}}},
		{"a missing first change is a loss", 10, []step{{11, 1, false}}},
		{"a missing ordinal is a loss", 10, []step{{11, 0, true}, {11, 2, false}}},
		{"a repeated change is refused", 10, []step{{11, 0, true}, {11, 0, false}}},
		{"history does not go back", 10, []step{{10, 0, false}, {9, 0, false}}},
		{"an ordinal of a revision that is over", 10, []step{{11, 0, true}, {12, 0, true}, {11, 1, false}}},
		{"the start's own changes are not accepted", 10, []step{{10, 1, false}}},
		{"the first revision of a cluster", 1, []step{{2, 0, true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := record.After(tc.after)
			for _, st := range tc.steps {
				err := s.Next(record.Record{Revision: record.Revision{Main: st.main, Sub: st.sub}})
				if (err == nil) != st.ok {
					t.Fatalf("after %d: Next(%d.%d) = %v, want ok=%v", s.Last(), st.main, st.sub, err, st.ok)
				}
			}
		})
	}
}

func TestKeyValueFields(t *testing.T) {
	// KeyValue{Key: "foo", CreateRevision: 2, ModRevision: 3, Version: 2, Value: "bar", Lease: 7587869}
	kv, _ := hex.DecodeString("0a03666f6f1002180320022a03626172309d90cf03")
	key, err := record.Key(kv)
	if err != nil || string(key) != "foo" {
		t.Errorf("Key = %q, %v", key, err)
	}
	lease, err := record.Lease(kv)
	if err != nil || lease != 7587869 {
		t.Errorf("Lease = %d, %v", lease, err)
	}
	for _, tc := range []struct{ name, key string }{
		{"a plain key", "foo"}, {"a key of 0xff bytes", "\xff\xff\xff"}, {"a long key", string(bytes.Repeat([]byte("k"), 300))}, {"the empty entry of a bump", ""},
	} {
		got, err := record.Key(record.AppendTombstone(nil, []byte(tc.key)))
		if err != nil || string(got) != tc.key {
			t.Errorf("%s: Key(tombstone) = %q, %v", tc.name, got, err)
		}
	}
}

func TestABumpLeavesAnEmptyEntry(t *testing.T) {
	if got := record.AppendTombstone(nil, nil); len(got) != 0 {
		t.Errorf("%x", got)
	}
}

func FuzzKeyValue(f *testing.F) {
	f.Add([]byte("\x0a\x03foo"))
	f.Add([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x31\x00"))
	f.Fuzz(func(t *testing.T, kv []byte) {
		if _, err := record.Key(kv); err != nil && !errors.Is(err, fault.Corrupt) {
			t.Fatal(err)
		}
		if _, err := record.Lease(kv); err != nil && !errors.Is(err, fault.Corrupt) {
			t.Fatal(err)
		}
	})
}

func put(main, sub int64, kv string) record.Record {
	return record.Record{Revision: record.Revision{Main: main, Sub: sub}, KeyValue: []byte(kv)}
}

func digestOf(recs ...record.Record) (record.Digest, []record.RevisionDigest) {
	var d record.Digester
	for _, r := range recs {
		d.Write(r)
	}
	return d.Finish()
}

func TestDigestGolden(t *testing.T) {
	// Pinned: a change here breaks every stored delta.
	whole, tail := digestOf(put(2, 0, "a"), put(3, 0, "b"), put(3, 1, "c"))
	const wantWhole = "67d8936fa395ff3210043c1de54d5a8a149913306aad1eb8434cc0aa3f7d2bbf"
	const wantLast = "61b1c361b062d7654117842b9610caf936bf7e5d814a3b1c930b3a138e766d89"
	if whole.String() != wantWhole {
		t.Errorf("range digest %s, want %s", whole, wantWhole)
	}
	if len(tail) != 2 || tail[1].Revision != 3 || tail[1].Digest.String() != wantLast {
		t.Errorf("tail %v, want last %s", tail, wantLast)
	}
}

func TestDigestTellsApart(t *testing.T) {
	base, _ := digestOf(put(2, 0, "a"), put(3, 0, "b"))
	tombstone := put(3, 0, "b")
	tombstone.Tombstone = true
	for name, recs := range map[string][]record.Record{
		"another value":            {put(2, 0, "a"), put(3, 0, "x")},
		"another revision":         {put(2, 0, "a"), put(4, 0, "b")},
		"a tombstone":              {put(2, 0, "a"), tombstone},
		"one revision, not two":    {put(2, 0, "a"), put(2, 1, "b")},
		"bytes moved over the cut": {put(2, 0, "ab"), put(3, 0, "")},
	} {
		if other, _ := digestOf(recs...); other == base {
			t.Errorf("%s has the same digest", name)
		}
	}
	if again, _ := digestOf(put(2, 0, "a"), put(3, 0, "b")); again != base {
		t.Error("the same records have another digest")
	}
}

func TestDigestTailIsTheLastSixteen(t *testing.T) {
	var d record.Digester
	var seen []record.RevisionDigest
	d.OnRevision(func(r record.RevisionDigest) { seen = append(seen, r) })
	for main := int64(1); main <= 40; main++ {
		d.Write(put(main, 0, "v"))
	}
	_, tail := d.Finish()
	whole, _ := d.Finish()
	if again, _ := d.Finish(); again != whole {
		t.Error("finished once more it has another digest")
	}
	if len(seen) != 40 {
		t.Fatalf("%d revisions completed, want 40", len(seen))
	}
	if len(tail) != record.TailLength {
		t.Fatalf("tail of %d, want %d", len(tail), record.TailLength)
	}
	for i, r := range tail {
		if r != seen[40-record.TailLength+i] {
			t.Errorf("tail[%d] = %v, want %v", i, r, seen[40-record.TailLength+i])
		}
	}
}

func TestJoinTails(t *testing.T) {
	run := func(first, last int64) []record.RevisionDigest {
		var out []record.RevisionDigest
		for rev := first; rev <= last; rev++ {
			out = append(out, record.RevisionDigest{Revision: rev})
		}
		return out
	}
	for _, tc := range []struct {
		name        string
		before, now []record.RevisionDigest
		first, last int64
	}{
		{"a delta of one revision still carries sixteen", run(1, 20), run(21, 21), 6, 21},
		{"a short history", run(1, 2), run(3, 4), 1, 4},
		{"a long delta needs nothing from before", run(1, 2), run(3, 40), 25, 40},
		{"nothing before", nil, run(3, 4), 3, 4},
		{"a hole between", run(1, 2), run(4, 5), 4, 5},
	} {
		got := record.JoinTails(tc.before, tc.now)
		if len(got) > record.TailLength || got[0].Revision != tc.first || got[len(got)-1].Revision != tc.last {
			t.Errorf("%s: %d digests, %d–%d, want %d–%d", tc.name, len(got), got[0].Revision, got[len(got)-1].Revision, tc.first, tc.last)
		}
	}
}

func TestNothingJoinsNoTail(t *testing.T) {
	if got := record.JoinTails([]record.RevisionDigest{{Revision: 1}}, nil); got != nil {
		t.Errorf("%v", got)
	}
}

func TestDigestText(t *testing.T) {
	want, _ := digestOf(put(2, 0, "a"))
	text, _ := want.MarshalText()
	var got record.Digest
	if err := got.UnmarshalText(text); err != nil || got != want {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
	for _, bad := range []string{"", "00", string(text) + "0", "zz" + string(text[2:])} {
		if err := got.UnmarshalText([]byte(bad)); !errors.Is(err, fault.Corrupt) {
			t.Errorf("UnmarshalText(%q) = %v, want corrupt", bad, err)
		}
	}
}
