package proof_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
)

func survivors(t *testing.T, h history) history {
	t.Helper()
	s, err := proof.SurvivorsOf(h)
	if err != nil {
		t.Fatal(err)
	}
	var out history
	for i, r := range h {
		if s.Has(i) {
			out = append(out, r)
		}
	}
	return out
}

func same(a, b history) bool {
	return slices.EqualFunc(a, b, func(x, y record.Record) bool { return x.Revision == y.Revision && x.Tombstone == y.Tombstone })
}

func TestWhatSurvivesACompaction(t *testing.T) {
	bump := record.Record{Revision: record.Revision{Main: 1_000_000_000}}
	for _, tc := range []struct {
		name    string
		h, want history
	}{
		{"nothing of nothing", nil, nil},
		{"of a key the newest", history{put(2, 0, "a", "1"), put(3, 0, "a", "2")}, history{put(3, 0, "a", "2")}},
		{"of a deleted key nothing", history{put(2, 0, "a", "1"), del(3, 0, "a"), put(4, 0, "b", "1")}, history{put(4, 0, "b", "1")}},
		{"but a deletion at the last revision, for who watches from there", history{put(2, 0, "a", "1"), put(3, 0, "b", "1"), del(4, 0, "a")}, history{put(3, 0, "b", "1"), del(4, 0, "a")}},
		{"of a key that came back, what it came back as", history{put(2, 0, "a", "1"), del(3, 0, "a"), put(4, 0, "a", "2")}, history{put(4, 0, "a", "2")}},
		{"deleted and put again in one transaction: the put", history{put(2, 0, "a", "1"), del(3, 0, "a"), put(3, 1, "a", "2")}, history{put(3, 1, "a", "2")}},
		{"what an earlier bump left, as if it were a key", history{put(2, 0, "a", "1"), bump, put(bump.Main+1, 0, "a", "2")}, history{bump, put(bump.Main+1, 0, "a", "2")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := survivors(t, tc.h); !same(got, tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// On random histories: what etcd's definition leaves, and with the hash it had.
func TestACompactionChangesNoHashFromItsRevisionOn(t *testing.T) {
	for seed := range uint64(300) {
		h := randomHistory(rand.New(rand.NewPCG(seed, 2)), seed%4 == 0)
		if len(h) == 0 {
			continue
		}
		last := h[len(h)-1].Main
		left := survivors(t, h)
		if want := compacted(h, last, true); !same(left, want) {
			t.Fatalf("seed %d: %v is left, want %v", seed, left, want)
		}
		before, err := proof.HashKV(h, last, last)
		if err != nil {
			t.Fatal(err)
		}
		if after, err := proof.HashKV(left, last, last); err != nil || after != before {
			t.Fatalf("seed %d: HashKV %d before, %d after (%v)", seed, before, after, err)
		}
	}
}
