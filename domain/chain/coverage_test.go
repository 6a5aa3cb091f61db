package chain_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func ranges(ends ...int64) []chain.Range {
	var out []chain.Range
	for i := 0; i < len(ends); i += 2 {
		out = append(out, chain.Range{First: ends[i], Last: ends[i+1]})
	}
	return out
}

func TestCover(t *testing.T) {
	for _, tc := range []struct {
		name                              string
		objects                           []object
		windows, gaps, baseless, disputed []chain.Range
	}{
		{name: "an empty timeline"},
		{name: "a full of a cluster never compacted gives back everything from revision 1",
			objects: []object{full(0, 10)}, windows: ranges(1, 10)},
		{name: "a full gives back its compact revision and what follows",
			objects: []object{full(4, 10)}, windows: ranges(4, 10)},
		{name: "deltas lead on",
			objects: []object{full(4, 10), delta(11, 12), delta(13, 20)}, windows: ranges(4, 20)},
		{name: "a delta that the full overlaps leads on too",
			objects: []object{full(4, 10), delta(8, 15)}, windows: ranges(4, 15)},
		{name: "an unfinished full does not count",
			objects: []object{unfinished(0, 10), delta(11, 20)}, baseless: ranges(11, 20)},
		{name: "the base is pending",
			objects: []object{delta(11, 20), delta(21, 22)}, baseless: ranges(11, 22)},
		{name: "the base came after the first deltas, and reaches back over them in part",
			objects: []object{delta(11, 20), delta(21, 30), full(15, 25)}, windows: ranges(15, 30), baseless: ranges(11, 14)},
		{name: "behind a gap there is no base",
			objects: []object{full(0, 10), delta(11, 20), delta(25, 30)}, windows: ranges(1, 20), baseless: ranges(25, 30)},
		{name: "behind a gap a later full begins a window",
			objects: []object{full(0, 10), delta(11, 20), delta(25, 30), full(24, 28), delta(31, 33)},
			windows: ranges(1, 20, 24, 33), gaps: ranges(21, 23)},
		{name: "a full whose history reaches back bridges the gap",
			objects: []object{full(0, 10), delta(11, 20), delta(41, 50), full(15, 40)}, windows: ranges(1, 50)},
		{name: "a full that reaches back to just behind the tail leaves no gap",
			objects: []object{full(0, 10), full(11, 20)}, windows: ranges(1, 20)},
		{name: "two leaders stored the same",
			objects: []object{full(0, 10), delta(11, 20), delta(11, 20)}, windows: ranges(1, 20)},
		{name: "two leaders stored different content for one range",
			objects: []object{full(0, 10), deltaOf("a", 11, 20), deltaOf("b", 11, 20)}, windows: ranges(1, 20), disputed: ranges(11, 20)},
		{name: "three leaders disagree about one range: it is named once",
			objects: []object{full(0, 10), deltaOf("a", 11, 20), deltaOf("b", 11, 20), deltaOf("c", 11, 20)}, windows: ranges(1, 20), disputed: ranges(11, 20)},
		{name: "different ranges that overlap are not known to differ",
			objects: []object{full(0, 10), deltaOf("a", 11, 20), deltaOf("b", 15, 24)}, windows: ranges(1, 24)},
		{name: "nor are those of which one lies at the end of the other",
			objects: []object{full(0, 10), deltaOf("a", 11, 20), deltaOf("b", 15, 20)}, windows: ranges(1, 20)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := chain.Cover(catalogue(tc.objects...))
			for _, part := range []struct {
				name      string
				got, want []chain.Range
			}{{"windows", got.Windows, tc.windows}, {"gaps", got.Gaps, tc.gaps}, {"baseless", got.Baseless, tc.baseless}, {"disputed", got.Disputed, tc.disputed}} {
				if !slices.Equal(part.got, part.want) {
					t.Errorf("%s %v, want %v", part.name, part.got, part.want)
				}
			}
			newest, ok := got.Newest()
			if ok != (len(tc.windows) > 0) || (ok && newest != tc.windows[len(tc.windows)-1].Last) {
				t.Errorf("Newest = %d, %v", newest, ok)
			}
		})
	}
}

// restorable is the definition, one revision at a time: a finished full from
// which every further revision is in some delta, or which holds rev itself.
func restorable(h *timeline.History, rev int64) bool {
	inDelta := func(r int64) bool {
		return slices.ContainsFunc(h.Deltas, func(d timeline.Delta) bool { return d.First <= r && r <= d.Last })
	}
	return rev >= 1 && slices.ContainsFunc(h.Fulls, func(f timeline.Full) bool {
		if !f.Finished || rev < f.First {
			return false
		}
		for r := f.Last + 1; r <= rev; r++ {
			if !inDelta(r) {
				return false
			}
		}
		return true
	})
}

func TestCoverIsTheDefinition(t *testing.T) {
	for seed := range uint64(400) {
		h := randomCatalogue(rand.New(rand.NewPCG(seed, 11)))
		cov := chain.Cover(h)
		gapOrBaseless := slices.Concat(cov.Gaps, cov.Baseless)
		for rev := int64(-1); rev < 180; rev++ {
			if got, want := cov.Contains(rev), restorable(h, rev); got != want {
				t.Fatalf("seed %d: %s\nrevision %d: covered=%v, restorable=%v", seed, describe(h), rev, got, want)
			}
			for _, r := range gapOrBaseless {
				if r.Contains(rev) && restorable(h, rev) {
					t.Fatalf("seed %d: %s\nrevision %d can be restored and is in %v", seed, describe(h), rev, r)
				}
			}
		}
		for i, w := range cov.Windows {
			if w.First > w.Last || (i > 0 && w.First <= cov.Windows[i-1].Last+1) {
				t.Fatalf("seed %d: windows %v", seed, cov.Windows)
			}
		}
	}
}

func TestWindowsGrowWithADelta(t *testing.T) {
	for _, tc := range []struct {
		story   string
		windows []chain.Range
		delta   chain.Range
		want    []chain.Range
	}{
		{"it continues the newest", ranges(1, 5, 10, 20), chain.Range{First: 21, Last: 30}, ranges(1, 5, 10, 30)},
		{"it overlaps it", ranges(10, 20), chain.Range{First: 15, Last: 30}, ranges(10, 30)},
		{"it lies within", ranges(10, 20), chain.Range{First: 12, Last: 15}, ranges(10, 20)},
		{"a revision is missing before it", ranges(10, 20), chain.Range{First: 22, Last: 30}, ranges(10, 20)},
		{"nothing can be restored yet", nil, chain.Range{First: 1, Last: 30}, nil},
	} {
		if got := chain.Extend(tc.windows, tc.delta); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.story, got, tc.want)
		}
	}
}

func TestRangeInWords(t *testing.T) {
	if s := (chain.Range{First: 4, Last: 4}).String(); s != "4" {
		t.Errorf("one revision: %q", s)
	}
	if s := (chain.Range{First: 4, Last: 9}).String(); s != "4–9" {
		t.Errorf("several: %q", s)
	}
}
