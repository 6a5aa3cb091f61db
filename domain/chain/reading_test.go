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
)

// told is a reading in a line: d for a delta, f for a full, s for what survived in
// one.
func told(r chain.Reading) string {
	var parts []string
	for _, p := range r.Pieces {
		from := "f"
		switch {
		case p.Delta != nil:
			from = "d"
		case p.Survivors:
			from = "s"
		}
		parts = append(parts, from+p.Range.String())
	}
	return strings.Join(parts, " ")
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name              string
		objects           []object
		first, last       int64
		want              string
		missing, disputed []chain.Range
		exclude           string
	}{
		{name: "an empty timeline holds nothing", first: 1, last: 9, missing: ranges(1, 9)},
		{name: "deltas are enough: no full is copied",
			objects: []object{full(0, 10), delta(11, 20), delta(21, 30), full(5, 30)}, first: 12, last: 25, want: "d12–20 d21–25"},
		{name: "below the deltas the full is read",
			objects: []object{full(0, 10), delta(11, 20)}, first: 1, last: 20, want: "f1–10 d11–20"},
		{name: "of overlapping deltas the one that reaches furthest, each revision once",
			objects: []object{delta(1, 5), delta(3, 12), delta(4, 8), delta(6, 20)}, first: 1, last: 20, want: "d1–5 d6–20"},
		{name: "compacted history is missing, but a full has what survived of it",
			objects: []object{full(100, 150), delta(151, 160)}, first: 1, last: 160, want: "s1–100 f101–150 d151–160", missing: ranges(1, 100)},
		{name: "deltas are older than what the full holds: it still has what survived below them",
			objects: []object{delta(50, 160), full(100, 150)}, first: 1, last: 160, want: "s1–49 d50–160", missing: ranges(1, 49)},
		{name: "a gap between deltas is bridged by a full that reaches back",
			objects: []object{delta(11, 20), delta(41, 50), full(15, 45)}, first: 11, last: 50, want: "d11–20 f21–40 d41–50"},
		{name: "a full that reaches over deltas is read only up to them: they say when",
			objects: []object{full(0, 1), delta(2, 20), delta(21, 30), full(0, 30)}, first: 1, last: 30, want: "f1 d2–20 d21–30"},
		{name: "where a delta is damaged, the full stands in for that one alone",
			objects: []object{full(0, 1), delta(2, 20), delta(21, 30), delta(31, 40), full(0, 50)}, first: 1, last: 40, want: "f1 d2–20 f21–30 d31–40", exclude: delta(21, 30).ref.Key()},
		{name: "a gap that nothing bridges is named, and survivors come from the first full above it",
			objects: []object{full(0, 10), delta(11, 20), full(30, 40), full(39, 60)}, first: 11, last: 60, want: "d11–20 s21–30 f31–40 f41–60", missing: ranges(21, 30)},
		{name: "nothing is held above the newest object",
			objects: []object{delta(11, 20)}, first: 15, last: 30, want: "d15–20", missing: ranges(21, 30)},
		{name: "an unfinished full is not read",
			objects: []object{unfinished(0, 10), delta(11, 20)}, first: 1, last: 20, want: "d11–20", missing: ranges(1, 10)},
		{name: "neither of two contents is read, unless a full has the revisions",
			objects: []object{delta(1, 10), deltaOf("a", 11, 20), deltaOf("b", 11, 20), delta(21, 30)}, first: 1, last: 30, want: "d1–10 d21–30", missing: ranges(11, 20), disputed: ranges(11, 20)},
		{name: "a full that settles a dispute is read",
			objects: []object{deltaOf("a", 11, 20), deltaOf("b", 11, 20), full(8, 20)}, first: 11, last: 20, want: "f11–20", disputed: ranges(11, 20)},
		{name: "a dispute elsewhere is of no concern",
			objects: []object{deltaOf("a", 11, 20), deltaOf("b", 11, 20), delta(21, 30)}, first: 21, last: 30, want: "d21–30"},
		{name: "a damaged delta is gone around",
			objects: []object{delta(11, 20), delta(11, 15), delta(16, 22)}, first: 11, last: 20, want: "d11–15 d16–20", exclude: delta(11, 20).ref.Key()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := chain.Read(catalogue(tc.objects...), chain.Range{First: tc.first, Last: tc.last}, func(key string) string {
				if key == tc.exclude {
					return "damaged"
				}
				return ""
			})
			if told(got) != tc.want || !slices.Equal(got.Missing, tc.missing) || !slices.Equal(got.Disputed, tc.disputed) {
				t.Errorf("%s, missing %v, disputed %v; want %s, %v, %v", told(got), got.Missing, got.Disputed, tc.want, tc.missing, tc.disputed)
			}
			if got.Whole() != (len(tc.missing) == 0) {
				t.Errorf("Whole = %v", got.Whole())
			}
		})
	}
}

// A full whose name leaves open what it holds is asked before anything is said to
// be missing that it may have.
func TestReadAsksAFullThatMayHoldMore(t *testing.T) {
	h := atLeast(catalogue(full(0, 10), delta(11, 20), full(0, 40), delta(41, 50)))
	span := chain.Range{First: 1, Last: 50}
	if got := chain.Read(h, chain.Range{First: 12, Last: 20}, nil); got.Unsure != nil || !got.Whole() {
		t.Errorf("deltas are enough, and %v is asked", got.Unsure)
	}
	got := chain.Read(h, span, nil)
	if got.Unsure == nil || got.Unsure.Last != 10 || got.Whole() {
		t.Fatalf("%+v", got)
	}
	asked := h
	h, err := chain.Found(h, *got.Unsure, 4, 14) // it goes back to 4 only, and further than its name says
	if err != nil {
		t.Fatal(err)
	}
	if asked.Fulls[0].Last != 10 || !asked.Fulls[0].AtLeast {
		t.Error("the timeline that was asked about was changed itself")
	}
	if got = chain.Read(h, span, nil); got.Unsure == nil || got.Unsure.Last != 40 {
		t.Fatalf("%+v", got)
	}
	if h, err = chain.Found(h, *got.Unsure, 18, 40); err != nil {
		t.Fatal(err)
	}
	if got = chain.Read(h, span, nil); got.Unsure != nil || told(got) != "s1–4 f5–10 d11–20 f21–40 d41–50" {
		t.Errorf("%s, %v", told(got), got.Unsure)
	}
	if got = chain.Read(h, chain.Range{First: 51, Last: 60}, nil); got.Unsure != nil {
		t.Errorf("nothing may hold what is newer than everything: %v", got.Unsure)
	}
	if _, err := chain.Found(h, atLeast(catalogue(full(0, 10))).Fulls[0], 0, 9); !errors.Is(err, fault.Corrupt) {
		t.Errorf("a full that holds less than its name says: %v", err)
	}
}

func TestAFullMayHoldMoreThanTheNext(t *testing.T) {
	h := atLeast(catalogue(full(0, 10), full(0, 20)))
	h, err := chain.Found(h, h.Fulls[0], 0, 30)
	if err != nil || h.Fulls[0].Last != 20 || h.Fulls[1].Last != 30 {
		t.Errorf("%+v, %v: want the fulls by their last revisions", h.Fulls, err)
	}
}

func TestSpan(t *testing.T) {
	if r, err := chain.Span(4, 4); err != nil || r != (chain.Range{First: 4, Last: 4}) {
		t.Errorf("one revision: %v, %v", r, err)
	}
	if _, err := chain.Span(5, 4); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "give the earlier of the two as --from") {
		t.Errorf("backward: %v", err)
	}
}

// On random sets of objects every revision is read whole exactly once or named as
// missing, from an object that has it; and none is missing that an object has.
func TestReadLaws(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		h := randomCatalogue(rng)
		span := chain.Range{First: 1 + rng.Int64N(30), Last: 30 + rng.Int64N(40)}
		r := chain.Read(h, span, nil)
		fate := map[int64]string{}
		note := func(in chain.Range, what string) {
			for rev := in.First; rev <= in.Last; rev++ {
				fate[rev] += what
			}
		}
		reached := span.First - 1
		for _, p := range r.Pieces {
			if p.First <= reached {
				t.Fatalf("seed %d: %s goes back: %s", seed, p.Range, told(r))
			}
			reached = p.Last
			switch {
			case p.Survivors && p.Full.Last <= p.Last:
				t.Fatalf("seed %d: %+v has no survivors", seed, p)
			case p.Survivors:
			case p.Delta != nil && (p.First < p.Delta.First || p.Last > p.Delta.Last), p.Full != nil && (p.First <= p.Full.First || p.Last > p.Full.Last):
				t.Fatalf("seed %d: %+v is not in its object", seed, p)
			default:
				note(p.Range, "read")
			}
		}
		for _, m := range r.Missing {
			note(m, "missing")
		}
		for rev := span.First; rev <= span.Last; rev++ {
			want := "missing"
			for _, d := range h.Deltas {
				if d.First <= rev && rev <= d.Last {
					want = "read"
				}
			}
			for _, f := range h.Fulls {
				if f.Finished && f.First < rev && rev <= f.Last {
					want = "read"
				}
			}
			if fate[rev] != want {
				t.Fatalf("seed %d: revision %d is %q, want %q in %s\n%s", seed, rev, fate[rev], want, told(r), fmt.Sprint(describe(h)))
			}
		}
	}
}
