package chain_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func spans(ds []timeline.Delta) string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%d–%d%s", d.First, d.Last, d.ID[:1]))
	}
	return strings.Join(out, " ")
}

func TestPlan(t *testing.T) {
	twoWindows := []object{full(0, 10), delta(11, 20), delta(25, 30), full(24, 28), delta(31, 33)}
	for _, tc := range []struct {
		name              string
		objects           []object
		target            int64
		base              int64
		deltas, witnesses string
		dropsNewer        bool
	}{
		{"a full ends at the target", []object{full(0, 10), delta(8, 12)}, 10, 10, "", "", false},
		{"deltas lead on to the target", []object{full(0, 10), delta(11, 12), delta(13, 20), delta(21, 30)}, 15, 10, "11–12a 13–20a", "", false},
		{"the newest full spares deltas", []object{full(0, 10), delta(11, 20), full(5, 20), delta(21, 30)}, 25, 20, "21–30a", "", false},
		{"an unfinished full is passed over", []object{full(0, 10), delta(11, 20), unfinished(5, 20), delta(21, 30)}, 25, 10, "11–20a 21–30a", "", false},
		{"a target inside a full drops what is newer", []object{full(4, 10), delta(2, 6)}, 6, 10, "", "", true},
		{"a full's compact revision itself", []object{full(4, 10)}, 4, 10, "", "", true},
		{"the oldest full that still holds the target", []object{full(4, 10), full(4, 20)}, 6, 10, "", "", true},
		{"a gap is bridged by a full that reaches back", []object{full(0, 10), delta(11, 20), delta(41, 50), full(15, 40)}, 30, 40, "", "", true},
		{"the second window has a base of its own", twoWindows, 32, 28, "25–30a 31–33a", "", false},
		{"the second window begins inside its base", twoWindows, 24, 28, "", "", true},
		{"of two leaders' equal deltas one is applied", []object{full(0, 10), delta(11, 20), func() object { o := delta(11, 20); o.ref.At = noon.Add(1e9); return o }()}, 20, 10, "11–20a", "11–20a", false},
		{"of overlapping deltas the furthest is applied, the other is a witness",
			[]object{full(0, 10), deltaOf("a", 11, 14), deltaOf("b", 12, 20), deltaOf("c", 15, 18)}, 20, 10, "11–14a 12–20b", "15–18c", false},
		{"a short delta beside a long one from the same revision", []object{full(0, 10), deltaOf("a", 11, 12), deltaOf("b", 11, 20)}, 20, 10, "11–20b", "11–12a", false},
		{"a delta that starts right behind the base is weighed against one that overlaps it",
			[]object{full(0, 10), deltaOf("a", 9, 12), deltaOf("b", 11, 20)}, 20, 10, "11–20b", "9–12a", false},
		{"what ends in the base or begins behind the target is no witness",
			[]object{full(0, 10), delta(1, 10), delta(9, 14), delta(15, 16)}, 13, 10, "9–14a", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := chain.Plan(catalogue(tc.objects...), tc.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.Base.Last != tc.base || p.Target != tc.target || p.Epoch != 1 {
				t.Errorf("base %d target %d timeline %d, want base %d", p.Base.Last, p.Target, p.Epoch, tc.base)
			}
			if got := spans(p.Deltas); got != tc.deltas {
				t.Errorf("deltas %q, want %q", got, tc.deltas)
			}
			if got := spans(p.Witnesses); got != tc.witnesses {
				t.Errorf("witnesses %q, want %q", got, tc.witnesses)
			}
			if p.DropsNewer() != tc.dropsNewer {
				t.Errorf("DropsNewer = %v", p.DropsNewer())
			}
			if want := int64(10 + 10*len(p.Deltas)); p.Bytes() != want {
				t.Errorf("Bytes = %d, want %d", p.Bytes(), want)
			}
			if p.Reason == "" {
				t.Error("no reason")
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	disputed := []object{full(0, 10), delta(11, 20), deltaOf("a", 21, 30), deltaOf("b", 21, 30), delta(31, 40)}
	for _, tc := range []struct {
		name    string
		objects []object
		target  int64
		kind    fault.Kind
		says    []string
	}{
		{"a target in a gap", []object{full(0, 10), delta(11, 20), full(25, 30)}, 22, fault.NotFound, []string{"revision 22", "1–20, 25–30", "no object holds 21–22"}},
		{"a target behind a gap", []object{full(0, 10), delta(11, 20), delta(25, 30)}, 27, fault.NotFound, []string{"1–20", "no object holds 21–24"}},
		{"a target above everything", []object{full(0, 10)}, 11, fault.NotFound, []string{"restorable: 1–10", "no object holds 11"}},
		{"a target below the compact revision", []object{full(4, 10)}, 3, fault.NotFound, []string{"restorable: 4–10"}},
		{"revision 0, which never was", []object{full(0, 10)}, 0, fault.NotFound, []string{"restorable: 1–10"}},
		{"the base is pending", []object{delta(11, 20)}, 15, fault.NotFound, []string{"no finished full"}},
		{"an empty timeline", nil, 15, fault.NotFound, []string{"no finished full"}},
		{"a target inside a dispute", disputed, 25, fault.Diverged, []string{"21–30", "revision 20 is the newest"}},
		{"the first of the disputed revisions", disputed, 21, fault.Diverged, []string{"21–30"}},
		{"a target behind a dispute", disputed, 35, fault.Diverged, []string{"21–30", "revision 20 is the newest"}},
		{"a dispute with a gap before it: the point named can be restored",
			[]object{full(0, 10), delta(11, 20), full(25, 26), deltaOf("a", 27, 30), deltaOf("b", 27, 30)}, 30, fault.Diverged, []string{"27–30", "revision 26 is the newest"}},
		{"a gap and a base within it: the point named is before the gap",
			[]object{full(0, 10), delta(11, 20), full(28, 28), deltaOf("a", 27, 30), deltaOf("b", 27, 30)}, 30, fault.Diverged, []string{"27–30", "revision 20 is the newest"}},
		{"a dispute from the oldest restorable revision on",
			[]object{full(8, 10), deltaOf("a", 8, 12), deltaOf("b", 8, 12)}, 12, fault.Diverged, []string{"8–12", "no older point"}},
		{"a dispute right behind the oldest base",
			[]object{full(10, 10), deltaOf("a", 8, 12), deltaOf("b", 8, 12)}, 12, fault.Diverged, []string{"8–12", "no older point"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := catalogue(tc.objects...)
			if h == nil {
				h = &timeline.History{}
			}
			_, err := chain.Plan(h, tc.target, nil)
			if fault.KindOf(err) != tc.kind {
				t.Fatalf("error = %v, want kind %s", err, tc.kind)
			}
			for _, part := range tc.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestADisputeOffThePathDoesNotMatter(t *testing.T) {
	disputed := []object{full(0, 10), delta(11, 20), deltaOf("a", 21, 30), deltaOf("b", 21, 30), delta(31, 40)}
	for _, tc := range []struct {
		name    string
		objects []object
		target  int64
		base    int64
	}{
		{"the target is below it", disputed, 20, 10},
		{"a later full is the base", append(slices.Clone(disputed), full(20, 35)), 40, 35},
		{"a later full holds the disputed revisions itself", append(slices.Clone(disputed), full(20, 35)), 25, 35},
		{"a full ends within it, at the target", append(slices.Clone(disputed), full(20, 25)), 25, 25},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := chain.Plan(catalogue(tc.objects...), tc.target, nil)
			if err != nil || p.Base.Last != tc.base {
				t.Errorf("base %d, %v, want %d", p.Base.Last, err, tc.base)
			}
		})
	}
}

func TestBrokenObjectsArePlannedAround(t *testing.T) {
	objects := []object{full(0, 10), deltaOf("a", 11, 20), deltaOf("b", 11, 15), deltaOf("c", 16, 20), full(5, 20), delta(21, 30)}
	broken := map[string]bool{}
	exclude := func(key string) string {
		if broken[key] {
			return "digest differs"
		}
		return ""
	}
	h := catalogue(objects...)
	for _, step := range []struct {
		breaks object
		base   int64
		deltas string
	}{
		{full(77, 99), 20, "21–30a"}, // not in the bucket
		{objects[4], 10, "11–20a 21–30a"},
		{objects[1], 10, "11–15b 16–20c 21–30a"},
	} {
		broken[step.breaks.ref.Key()] = true
		p, err := chain.Plan(h, 30, exclude)
		if err != nil {
			t.Fatal(err)
		}
		if p.Base.Last != step.base || spans(p.Deltas) != step.deltas {
			t.Errorf("base %d deltas %q, want %d %q", p.Base.Last, spans(p.Deltas), step.base, step.deltas)
		}
		if strings.Contains(spans(p.Witnesses), "11–20a") && broken[objects[1].ref.Key()] {
			t.Error("a broken delta is a witness")
		}
	}
	broken[objects[2].ref.Key()] = true
	_, err := chain.Plan(h, 30, exclude)
	if !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "restorable: 1–10; no object holds 11–15") {
		t.Errorf("error = %v", err)
	}
	if len(h.Fulls) != 2 || len(h.Deltas) != 4 {
		t.Error("planning changed the catalogue")
	}
}

func TestSettingOneSideOfADisputeAsideEndsIt(t *testing.T) {
	h := catalogue(full(0, 10), deltaOf("a", 11, 20), deltaOf("b", 11, 20))
	wrong := deltaOf("b", 11, 20).ref.Key()
	p, err := chain.Plan(h, 20, func(key string) string {
		if key == wrong {
			return "set aside"
		}
		return ""
	})
	if err != nil || spans(p.Deltas) != "11–20a" || len(p.Witnesses) != 0 {
		t.Errorf("deltas %q, %v", spans(p.Deltas), err)
	}
}

func TestWithoutLeavesTheNamedObjectsOut(t *testing.T) {
	h := catalogue(full(0, 10), full(0, 20), delta(11, 20), delta(21, 30))
	left := chain.Without(h, full(0, 20).ref.Key(), delta(11, 20).ref.Key())
	if len(left.Fulls) != 1 || left.Fulls[0].Last != 10 || spans(left.Deltas) != "21–30a" {
		t.Errorf("fulls %v, deltas %s", left.Fulls, spans(left.Deltas))
	}
	if len(h.Fulls) != 2 || len(h.Deltas) != 2 {
		t.Error("the history itself was changed")
	}
}

func TestNewestFirst(t *testing.T) {
	h := catalogue(full(0, 10), delta(11, 30), delta(12, 15), delta(31, 40))
	if got := spans(chain.NewestFirst(h)); got != "31–40a 11–30a 12–15a" {
		t.Error(got)
	}
}

func TestPlanIsSoundAndComplete(t *testing.T) {
	for seed := range uint64(400) {
		h := randomCatalogue(rand.New(rand.NewPCG(seed, 13)))
		cov := chain.Cover(h)
		if len(cov.Disputed) > 0 {
			t.Fatalf("seed %d: disputes in a catalogue without any", seed)
		}
		for target := int64(-1); target < 150; target++ {
			p, err := chain.Plan(h, target, nil)
			if (err == nil) != cov.Contains(target) {
				t.Fatalf("seed %d: %s\nPlan(%d) = %v, windows %v", seed, describe(h), target, err, cov.Windows)
			}
			if err != nil {
				continue
			}
			if why := unsound(h, p, target); why != "" {
				t.Fatalf("seed %d: %s\nPlan(%d): base %d deltas %s witnesses %s: %s", seed, describe(h), target,
					p.Base.Last, spans(p.Deltas), spans(p.Witnesses), why)
			}
		}
	}
}

// unsound says what is wrong with a path, "" for nothing.
func unsound(h *timeline.History, p chain.Path, target int64) string {
	if !p.Base.Finished || p.Base.First > target {
		return "the base cannot serve the target"
	}
	reached := p.Base.Last
	for i, d := range p.Deltas {
		if d.First > reached+1 {
			return "a hole"
		}
		if d.Last <= reached || reached >= target {
			return fmt.Sprintf("delta %d is not needed", i)
		}
		reached = d.Last
	}
	if reached < target {
		return "the target is not reached"
	}
	uses := map[string]int{}
	for _, d := range slices.Concat(p.Deltas, p.Witnesses) {
		uses[d.Key()]++
	}
	for _, d := range h.Deltas {
		overlaps := max(d.First, p.Base.Last+1) <= min(d.Last, target)
		if uses[d.Key()] > 1 || (uses[d.Key()] == 1) != overlaps {
			return fmt.Sprintf("delta %d–%d is used %d times, overlaps=%v", d.First, d.Last, uses[d.Key()], overlaps)
		}
	}
	return ""
}
