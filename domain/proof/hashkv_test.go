package proof_test

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
)

// history is a bucket "key" in memory, sorted as the database sorts it.
type history []record.Record

func (h history) Forward() iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for _, r := range h {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (h history) Backward() iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for i := len(h) - 1; i >= 0; i-- {
			if !yield(h[i], nil) {
				return
			}
		}
	}
}

// put and del make the records of one change. The value's bytes stand for a
// marshalled KeyValue: its key field, then the value field.
func put(main, sub int64, key, value string) record.Record {
	kv := record.AppendTombstone(nil, []byte(key))
	kv = append(kv, 5<<3|2, byte(len(value)))
	return record.Record{Revision: record.Revision{Main: main, Sub: sub}, KeyValue: append(kv, value...)}
}

func del(main, sub int64, key string) record.Record {
	return record.Record{Revision: record.Revision{Main: main, Sub: sub}, Tombstone: true, KeyValue: record.AppendTombstone(nil, []byte(key))}
}

// newestPerKey returns the last record of each key at or below rev, unless it
// is a tombstone: the definition of what a compaction there leaves of the past.
func newestPerKey(h history, rev int64) map[record.Revision]bool {
	newest := map[string]record.Record{}
	for _, r := range h {
		if r.Main <= rev {
			key, err := record.Key(r.KeyValue)
			if err != nil {
				panic(err)
			}
			newest[string(key)] = r
		}
	}
	keep := map[record.Revision]bool{}
	for _, r := range newest {
		if !r.Tombstone {
			keep[r.Revision] = true
		}
	}
	return keep
}

// compacted returns h as etcd's database is once a compaction at rev is done.
// withTombstone is how servers from 3.5.16 on leave it: a deletion exactly at
// the compact revision stays.
func compacted(h history, rev int64, withTombstone bool) history {
	keep := newestPerKey(h, rev)
	var out history
	for i, r := range h {
		last := true
		key, _ := record.Key(r.KeyValue)
		for _, later := range h[i+1:] {
			if k, _ := record.Key(later.KeyValue); later.Main == r.Main && string(k) == string(key) {
				last = false
			}
		}
		if r.Main > rev || keep[r.Revision] || (withTombstone && last && r.Tombstone && r.Main == rev) {
			out = append(out, r)
		}
	}
	return out
}

// naive is etcd's definition word for word over a history whose compaction at
// compact has been carried out.
func naive(h history, rev, compact int64) uint32 {
	h = compacted(h, compact, true)
	keep := newestPerKey(h, rev)
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	sum.Write([]byte("key"))
	for _, r := range h {
		switch {
		case r.Main > rev:
		case r.Main <= compact && len(keep) > 0 && !keep[r.Revision]:
		case r.Main == compact && r.Tombstone:
		default:
			sum.Write(r.AppendKey(nil))
			sum.Write(r.KeyValue)
		}
	}
	return sum.Sum32()
}

// randomHistory makes transactions of one to four changes over few keys, so
// that keys are deleted and created again, and mostly dies out if mortal.
func randomHistory(rng *rand.Rand, mortal bool) history {
	alive := map[string]bool{}
	var h history
	for main := int64(2); main < 2+int64(rng.IntN(40)); main++ {
		touched := map[string]bool{}
		for sub := range int64(1 + rng.IntN(4)) {
			key := fmt.Sprintf("k%d", rng.IntN(5))
			if touched[key] && !alive[key] {
				continue // etcd refuses to put a key twice, or after its deletion, in one transaction
			}
			if alive[key] && (mortal || rng.IntN(3) == 0) {
				h = append(h, del(main, sub, key))
				delete(alive, key)
			} else if !touched[key] {
				h = append(h, put(main, sub, key, fmt.Sprint(rng.IntN(1000))))
				alive[key] = true
			}
			touched[key] = true
		}
	}
	slices.SortFunc(h, func(a, b record.Record) int {
		return cmp.Or(cmp.Compare(a.Main, b.Main), cmp.Compare(a.Sub, b.Sub))
	})
	return h
}

func TestHashKVAgainstTheDefinition(t *testing.T) {
	deserted := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := randomHistory(rng, seed%4 == 0)
		if len(h) == 0 {
			continue
		}
		last := h[len(h)-1].Main
		rev := 1 + rng.Int64N(last)
		compact := rng.Int64N(rev + 1)
		if compact == 0 {
			compact = -1
		}
		if len(newestPerKey(h, rev)) == 0 {
			deserted++
		}
		want := naive(h, rev, compact)
		for name, copied := range map[string]history{
			"the whole history": h,
			"compacted there":   compacted(h, compact, true),
			"compacted there by a server that drops more":  compacted(h, compact, false),
			"compacted earlier":                            compacted(h, compact/2, true),
			"compacted twice":                              compacted(compacted(h, compact/2, true), compact, true),
			"with newer history cut off":                   slices.DeleteFunc(slices.Clone(h), func(r record.Record) bool { return r.Main > rev }),
			"compacted there, with newer history cut off ": slices.DeleteFunc(compacted(h, compact, true), func(r record.Record) bool { return r.Main > rev }),
		} {
			got, err := proof.HashKV(copied, rev, compact)
			if err != nil || got != want {
				t.Fatalf("seed %d, %s: HashKV(%d, %d) = %d, %v; want %d", seed, name, rev, compact, got, err, want)
			}
		}
	}
	if deserted < 10 {
		t.Errorf("only %d histories ended without a living key", deserted)
	}
}

func TestHashKVSeesEveryDifference(t *testing.T) {
	base := history{put(2, 0, "a", "1"), put(3, 0, "b", "1"), put(3, 1, "c", "1"), del(4, 0, "a")}
	want, err := proof.HashKV(base, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]history{
		"a change is missing":     {base[0], base[1], base[3]},
		"another value":           {put(2, 0, "a", "2"), base[1], base[2], base[3]},
		"another ordinal":         {base[0], base[1], put(3, 2, "c", "1"), base[3]},
		"a put, not a deletion":   {base[0], base[1], base[2], put(4, 0, "a", "")},
		"another key was deleted": {base[0], base[1], base[2], del(4, 0, "b")},
	} {
		if got, err := proof.HashKV(other, 4, 0); err != nil || got == want {
			t.Errorf("%s: %d, %v, the same as without", name, got, err)
		}
	}
}

func TestHashKVEdges(t *testing.T) {
	empty := crc32.Checksum([]byte("key"), crc32.MakeTable(crc32.Castagnoli))
	bump := record.Record{Revision: record.Revision{Main: 1_000_000_000}}
	for _, tc := range []struct {
		name         string
		h, same      history
		rev, compact int64
	}{
		{"a tombstone at the compact revision does not count",
			history{put(2, 0, "a", "1"), put(3, 0, "b", "1"), del(4, 0, "a")}, history{put(3, 0, "b", "1")}, 4, 4},
		{"a tombstone above it does",
			history{put(2, 0, "a", "1"), put(3, 0, "b", "1"), del(4, 0, "a")}, history{put(3, 0, "b", "1"), del(4, 0, "a")}, 4, 3},
		{"what was alive at the compact revision and changed since is left out",
			history{put(2, 0, "a", "1"), put(3, 0, "b", "1"), put(4, 0, "a", "2")}, history{put(3, 0, "b", "1"), put(4, 0, "a", "2")}, 4, 3},
		{"the entry of a revision bump is a record with an empty value",
			history{put(2, 0, "a", "1"), put(3, 0, "a", "2"), bump}, history{put(3, 0, "a", "2"), bump}, bump.Main, bump.Main},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := proof.HashKV(tc.h, tc.rev, tc.compact)
			if err != nil {
				t.Fatal(err)
			}
			want, err := proof.HashKV(tc.same, tc.rev, -1)
			if err != nil || got != want {
				t.Errorf("HashKV = %d, the records left give %d (%v)", got, want, err)
			}
		})
	}
	t.Run("an empty database hashes to its bucket's name", func(t *testing.T) {
		if got, err := proof.HashKV(history{}, 1, -1); err != nil || got != empty {
			t.Errorf("HashKV = %d, %v, want %d", got, err, empty)
		}
	})
	t.Run("a database whose last key was deleted at the compact revision is as empty", func(t *testing.T) {
		h := history{put(2, 0, "a", "1"), put(3, 0, "a", "2"), del(4, 0, "a")}
		if got, err := proof.HashKV(h, 4, 4); err != nil || got != empty {
			t.Errorf("HashKV = %d, %v, want %d", got, err, empty)
		}
	})
	t.Run("a compact revision above the revision is refused", func(t *testing.T) {
		if _, err := proof.HashKV(history{}, 4, 5); !errors.Is(err, fault.Invalid) {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("a value that is no KeyValue is corrupt", func(t *testing.T) {
		broken := history{{Revision: record.Revision{Main: 2}, KeyValue: []byte{0x0a, 0xff}}}
		if _, err := proof.HashKV(broken, 2, 0); !errors.Is(err, fault.Corrupt) {
			t.Errorf("error = %v", err)
		}
	})
}

// failing is a history whose reader breaks off.
type failing struct {
	history
	backward bool
}

var errDisk = errors.New("read error")

func (f failing) Backward() iter.Seq2[record.Record, error] {
	if f.backward {
		return func(yield func(record.Record, error) bool) { yield(record.Record{}, errDisk) }
	}
	return f.history.Backward()
}

func (f failing) Forward() iter.Seq2[record.Record, error] {
	if f.backward {
		return f.history.Forward()
	}
	return func(yield func(record.Record, error) bool) { yield(record.Record{}, errDisk) }
}

func TestHashKVPassesErrorsOn(t *testing.T) {
	for _, backward := range []bool{true, false} {
		broken := failing{history{put(2, 0, "a", "1")}, backward}
		if _, err := proof.HashKV(broken, 2, 0); !errors.Is(err, errDisk) {
			t.Errorf("backward=%v: error = %v", backward, err)
		}
		if _, err := proof.Compare(broken, proof.Recorded{Hash: proof.Hash{Revision: 2}}); !errors.Is(err, errDisk) {
			t.Errorf("compared, backward=%v: error = %v", backward, err)
		}
	}
	if _, err := proof.SurvivorsOf(failing{nil, true}); !errors.Is(err, errDisk) {
		t.Errorf("survivors: error = %v", err)
	}
	if _, err := proof.SurvivorsOf(history{{Revision: record.Revision{Main: 2}, KeyValue: []byte{0x0a, 0xff}}}); !errors.Is(err, fault.Corrupt) {
		t.Errorf("survivors of no KeyValue: error = %v", err)
	}
}

// The second rule, for histories in which no key lives, must prove nothing that the
// first one does not.
func TestTheRuleForNoKeysProvesNothingElse(t *testing.T) {
	empty, _ := proof.HashKV(history{}, 1, -1)
	for name, h := range map[string]history{
		"a key lives":    {put(2, 0, "a", "1")},
		"no key lives":   {put(2, 0, "a", "1"), del(3, 0, "a")},
		"nothing at all": nil,
	} {
		for _, answered := range []uint32{empty, 77} {
			if answered == empty && h == nil {
				continue // that is what it hashes to
			}
			got, err := proof.Compare(h, proof.Recorded{Hash: proof.Hash{Revision: 3, Compact: -1, HashKV: answered}})
			if !errors.Is(err, fault.Diverged) || got == answered {
				t.Errorf("%s, answered %d: %d, %v, want diverged", name, answered, got, err)
			}
		}
	}
}

// golden is what a real etcd kept and answered.
type golden struct {
	Etcd      string       `json:"etcd"`
	Story     string       `json:"story"`
	Records   [][2]string  `json:"records"`   // everything that ever happened
	Compacted [][2]string  `json:"compacted"` // what etcd's compactions left in the end
	Answers   []proof.Hash `json:"answers"`
	// Contradicting are answers from etcd's cache of compaction hashes that
	// differ from what the same member answered before for the same revision
	// and compact revision: no key lived.
	Contradicting []proof.Hash `json:"contradicting"`
}

func parse(t *testing.T, rows [][2]string) history {
	t.Helper()
	var h history
	for _, row := range rows {
		key, err1 := hex.DecodeString(row[0])
		value, err2 := hex.DecodeString(row[1])
		r, err3 := record.Parse(key, value)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		h = append(h, r)
	}
	return h
}

func TestHashKVIsWhatEtcdAnswered(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("testdata: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(text, &g); err != nil {
				t.Fatal(err)
			}
			whole, left := parse(t, g.Records), parse(t, g.Compacted)
			var lastCompact int64
			for _, a := range g.Answers {
				lastCompact = max(lastCompact, a.Compact)
			}
			offLeft := 0
			for _, a := range g.Answers {
				if got, err := proof.HashKV(whole, a.Revision, a.Compact); err != nil || got != a.HashKV {
					t.Errorf("whole history: %d, %v; etcd %s answered %s", got, err, g.Etcd, a)
				}
				if proof.Usable(a, a.Revision, lastCompact) != nil {
					continue
				}
				offLeft++
				if got, err := proof.HashKV(left, a.Revision, a.Compact); err != nil || got != a.HashKV {
					t.Errorf("compacted history: %d, %v; etcd %s answered %s", got, err, g.Etcd, a)
				}
			}
			if len(g.Answers) < 15 || offLeft < 2 {
				t.Errorf("%d answers, %d of them for the compacted database: too few to mean much", len(g.Answers), offLeft)
			}
			for _, a := range g.Contradicting {
				if got, err := proof.HashKV(whole, a.Revision, a.Compact); err != nil || got == a.HashKV {
					t.Errorf("%s contradicts nothing (%v)", a, err)
				}
				if _, err := proof.Compare(whole, proof.Recorded{Hash: a}); err != nil {
					t.Errorf("the kept hash raises a false alarm: %v", err)
				}
				// It proves something all the same.
				if _, err := proof.Compare(whole[:len(whole)-3], proof.Recorded{Hash: a}); !errors.Is(err, fault.Diverged) {
					t.Errorf("a history that lacks the last deletion passes: %v", err)
				}
			}
		})
	}
}
