package chain_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// digests are those of the n revisions up to last.
func digests(last, n int64) []record.RevisionDigest {
	var out []record.RevisionDigest
	for rev := last - n + 1; rev <= last; rev++ {
		out = append(out, record.RevisionDigest{Revision: rev, Digest: record.Digest{byte(rev)}})
	}
	return out
}

func TestDecide(t *testing.T) {
	const catchUp = 1000
	tail := func() *chain.Tail {
		return &chain.Tail{Epoch: 3, ClusterID: "c0de", Last: 500, Raft: snapshot.Raft{Term: 7, Index: 9000}, Digests: digests(500, 16)}
	}
	head := func(edit func(*chain.Head)) chain.Head {
		h := chain.Head{ClusterID: "c0de", Revision: 510, Raft: snapshot.Raft{Term: 8, Index: 9100}, Compact: 100}
		if edit != nil {
			edit(&h)
		}
		return h
	}
	suspectTail := func() *chain.Tail {
		t := tail()
		t.Suspect, t.Good = true, 450
		return t
	}
	for _, tc := range []struct {
		name   string
		tail   *chain.Tail
		head   chain.Head
		action chain.Action
		from   int64
		lost   chain.Range
		says   []string
	}{
		{"an empty bucket", nil, head(nil), chain.Begin, 0, chain.Range{}, []string{"it is the first in this store"}},
		{"the ordinary failover compares the last sixteen", tail(), head(nil), chain.Continue, 485, chain.Range{}, []string{"500", "510", "last 16"}},
		{"nothing happened since, same term and index", tail(), head(func(h *chain.Head) { h.Revision, h.Raft = 500, snapshot.Raft{Term: 7, Index: 9000} }), chain.Continue, 485, chain.Range{}, nil},
		{"compaction came close: fewer are compared", tail(), head(func(h *chain.Head) { h.Compact = 497 }), chain.Continue, 498, chain.Range{}, []string{"last 3 "}},
		{"compaction at the tail: nothing to compare", tail(), head(func(h *chain.Head) { h.Compact = 500 }), chain.Continue, 501, chain.Range{}, nil},
		{"compaction beyond the tail by one", tail(), head(func(h *chain.Head) { h.Compact = 501 }), chain.Begin, 0, chain.Range{First: 501, Last: 501}, []string{"501 was compacted"}},
		{"compaction far beyond the tail", tail(), head(func(h *chain.Head) { h.Compact = 508 }), chain.Begin, 0, chain.Range{First: 501, Last: 508}, []string{"501–508"}},
		{"far behind, still held", tail(), head(func(h *chain.Head) { h.Revision = 1501 }), chain.ContinueByFull, 0, chain.Range{}, []string{"1001 revisions behind"}},
		{"behind by exactly the limit", tail(), head(func(h *chain.Head) { h.Revision = 1500 }), chain.Continue, 485, chain.Range{}, nil},
		{"far behind and compacted: the loss decides", tail(), head(func(h *chain.Head) { h.Revision, h.Compact = 90000, 600 }), chain.Begin, 0, chain.Range{First: 501, Last: 600}, nil},
		{"another cluster", tail(), head(func(h *chain.Head) { h.ClusterID = "dead" }), chain.Begin, 0, chain.Range{}, []string{"dead", "c0de", "timeline 3"}},
		{"history went back", tail(), head(func(h *chain.Head) { h.Revision = 499 }), chain.Begin, 0, chain.Range{}, []string{"went back", "499", "500"}},
		{"the term went back while the revision went on", tail(), head(func(h *chain.Head) { h.Raft.Term = 6 }), chain.Begin, 0, chain.Range{}, []string{"went back", "term 6", "term 7"}},
		{"the index went back while the revision went on", tail(), head(func(h *chain.Head) { h.Raft.Index = 8999 }), chain.Begin, 0, chain.Range{}, []string{"went back", "index 8999", "index 9000"}},
		{"set back and grown past the tail with a compaction: not called a loss", tail(), head(func(h *chain.Head) { h.Raft.Term, h.Revision, h.Compact = 2, 700, 600 }), chain.Begin, 0, chain.Range{}, []string{"went back"}},
		{"what is stored failed a proof", suspectTail(), head(nil), chain.Begin, 0, chain.Range{}, []string{"timeline 3", "above revision 450", "failed a proof"}},
		{"it failed a proof and far behind", suspectTail(), head(func(h *chain.Head) { h.Revision = 1501 }), chain.Begin, 0, chain.Range{}, []string{"failed a proof"}},
		{"it failed a proof, and what follows was compacted: the loss is named", suspectTail(), head(func(h *chain.Head) { h.Compact = 501 }), chain.Begin, 0, chain.Range{First: 501, Last: 501}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := chain.Decide(tc.tail, tc.head, catchUp)
			if fork := v.Fork; (fork != 0) != strings.Contains(v.Reason, "failed a proof") || fork != 0 && fork != 450 {
				t.Errorf("forks at %d (%s)", fork, v.Reason)
			}
			if v.Action != tc.action || v.From != tc.from || v.Lost != tc.lost {
				t.Errorf("got %s from %d lost %v, want %s from %d lost %v (%s)", v.Action, v.From, v.Lost, tc.action, tc.from, tc.lost, v.Reason)
			}
			if v.Reason == "" {
				t.Error("no reason")
			}
			for _, part := range tc.says {
				if !strings.Contains(v.Reason, part) {
					t.Errorf("reason %q does not say %q", v.Reason, part)
				}
			}
		})
	}
}

func TestTheWindowOfComparison(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 17))
		last := 20 + rng.Int64N(50)
		kept := rng.Int64N(record.TailLength + 1)
		compact := rng.Int64N(last + 1)
		tail := &chain.Tail{ClusterID: "c", Last: last, Digests: digests(last, kept)}
		v := chain.Decide(tail, chain.Head{ClusterID: "c", Revision: last + 5, Compact: compact}, 100)
		if want := last + 1 - min(kept, last-compact); v.Action != chain.Continue || v.From != want {
			t.Fatalf("last %d, %d digests, compacted at %d: %s from %d, want %d", last, kept, compact, v.Action, v.From, want)
		}
		if !chain.Trustworthy(v.From, compact) {
			t.Fatalf("the watch from %d cannot be trusted above a compaction at %d", v.From, compact)
		}
	}
	t.Run("digests with a hole are used behind the hole only", func(t *testing.T) {
		tail := &chain.Tail{Last: 50, Digests: append(digests(40, 3), digests(50, 2)...)}
		if v := chain.Decide(tail, chain.Head{Revision: 50}, 100); v.From != 49 {
			t.Errorf("from %d, want 49", v.From)
		}
	})
	t.Run("digests that do not end at the tail are of no use", func(t *testing.T) {
		tail := &chain.Tail{Last: 50, Digests: digests(49, 5)}
		if v := chain.Decide(tail, chain.Head{Revision: 50}, 100); v.From != 51 {
			t.Errorf("from %d, want 51", v.From)
		}
	})
}

func TestLive(t *testing.T) {
	for _, tc := range []struct {
		name                string
		first, last, header int64
		fresh, want         bool
	}{
		{"one revision, the member's newest", 7, 7, 7, false, true},
		{"the first response of a watch may come from history", 7, 7, 7, true, false},
		{"several revisions at once", 6, 7, 7, false, false},
		{"the member is further already", 7, 7, 8, false, false},
	} {
		if got := chain.Live(tc.first, tc.last, tc.header, tc.fresh); got != tc.want {
			t.Errorf("%s: Live = %v", tc.name, got)
		}
	}
}

func TestBoundaries(t *testing.T) {
	for _, tc := range []struct {
		name string
		got  bool
		want bool
	}{
		{"changes from 10 on are whole with a compaction at 9", chain.Trustworthy(10, 9), true},
		{"with a compaction at 10 a deletion at 10 may be missing", chain.Trustworthy(10, 10), false},
		{"never compacted", chain.Trustworthy(2, 0), true},
		{"a full compacted at the tail connects", chain.FullConnects(500, 500), true},
		{"one compacted above it does not", chain.FullConnects(501, 500), false},
		{"a full that ends right before the watch meets it", chain.FullMeetsWatch(99, 100), true},
		{"one that ends later does too", chain.FullMeetsWatch(120, 100), true},
		{"one that ends earlier leaves a hole", chain.FullMeetsWatch(98, 100), false},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %v", tc.name, tc.got)
		}
	}
}
