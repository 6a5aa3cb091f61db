package chain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestLater(t *testing.T) {
	for _, tc := range []struct {
		name    string
		target  int64
		objects []object
		want    string
	}{
		{"what begins beyond the target, the nearest two", 10, []object{full(0, 5), delta(6, 10), delta(11, 20), delta(21, 30), delta(31, 40)}, "11–20 21–30"},
		{"not what the path reads itself", 8, []object{full(0, 5), delta(6, 10), delta(11, 20)}, "11–20"},
		{"a roll-up, and not what it holds", 10, []object{full(0, 5), delta(6, 10), delta(11, 20), deltaOf("b", 11, 30)}, "11–30"},
		{"a full needs none, and those after it tell", 5, []object{full(0, 5), delta(6, 10)}, "6–10"},
		{"nothing", 10, []object{full(0, 5), delta(6, 10)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := catalogue(tc.objects...)
			p, err := chain.Plan(h, tc.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range chain.Later(h, p, 2) {
				got = append(got, fmt.Sprintf("%d–%d", d.First, d.Last))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("later: %s, want %s", s, tc.want)
			}
		})
	}
}

func TestReplaced(t *testing.T) {
	for _, tc := range []struct {
		name    string
		objects []object
		want    string
	}{
		{"deltas that follow each other replace nothing", []object{delta(1, 10), delta(11, 20)}, ""},
		{"a roll-up replaces what it was made of", []object{delta(1, 10), delta(11, 20), deltaOf("b", 1, 20)}, "1–10<1–20 11–20<1–20"},
		{"and a coarser one the finer", []object{delta(1, 10), deltaOf("b", 1, 20), deltaOf("c", 1, 40)}, "1–20<1–40 1–10<1–40"},
		{"an overlap is no replacement", []object{delta(1, 10), deltaOf("b", 5, 20)}, ""},
		{"one range twice is none", []object{delta(1, 10), func() object { o := delta(1, 10); o.ref.At = noon.Add(1e9); return o }()}, ""},
		{"nothing inside a dispute is replaced", []object{delta(1, 10), deltaOf("b", 1, 20), deltaOf("c", 1, 20)}, ""},
		{"nor what is disputed itself", []object{delta(1, 10), deltaOf("d", 1, 10), deltaOf("b", 1, 20), delta(12, 13)}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, r := range chain.Replaced(catalogue(tc.objects...)) {
				got = append(got, fmt.Sprintf("%d–%d<%d–%d", r.Delta.First, r.Delta.Last, r.By.First, r.By.Last))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("replaced: %s, want %s", s, tc.want)
			}
		})
	}
}

func segment(content byte, first, last int64) snapshot.Segment {
	return snapshot.Segment{First: first, Last: last, Length: 1, Canon: record.Digest{content, byte(first)}}
}

func TestHolds(t *testing.T) {
	a, b, c := segment('a', 1, 10), segment('a', 11, 20), segment('a', 21, 30)
	longer := snapshot.Envelope{Epoch: 1, Segments: []snapshot.Segment{a, b, c}}
	named := func(epoch int, segments ...snapshot.Segment) snapshot.Ref {
		e := snapshot.Envelope{Epoch: epoch, First: segments[0].First, Last: segments[len(segments)-1].Last, Segments: segments, Digest: snapshot.DeltaDigest(segments)}
		return e.Ref()
	}
	for _, tc := range []struct {
		name string
		ref  snapshot.Ref
		want bool
	}{
		{"a delta that it was made of", named(1, b), true},
		{"a roll-up that it was made of", named(1, b, c), true},
		{"another content of the same revisions", named(1, segment('z', 11, 20)), false},
		{"revisions that it cut elsewhere", named(1, segment('a', 11, 15)), false},
		{"revisions that it does not hold", named(1, segment('a', 31, 40)), false},
		{"another timeline's", named(2, b), false},
		{"a full", snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: 11, Last: 20, ID: named(1, b).ID}, false},
	} {
		if got := chain.Holds(longer, tc.ref); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestCompatible(t *testing.T) {
	tail := func(content byte) []record.RevisionDigest {
		return []record.RevisionDigest{{Revision: 20, Digest: record.Digest{content}}}
	}
	whole := snapshot.Envelope{Segments: []snapshot.Segment{segment('a', 1, 20)}, Tail: tail('x')}
	halves := snapshot.Envelope{Segments: []snapshot.Segment{segment('a', 1, 10), segment('a', 11, 20)}, Tail: tail('x')}
	for _, tc := range []struct {
		name string
		a, b snapshot.Envelope
		ok   bool
	}{
		{"the same revisions, cut elsewhere", whole, halves, true},
		{"their last revision differs", whole, snapshot.Envelope{Segments: halves.Segments, Tail: tail('y')}, false},
		{"the same, cut alike", halves, halves, true},
		{"a segment of one range differs", halves, snapshot.Envelope{Segments: []snapshot.Segment{segment('z', 1, 10), segment('a', 11, 20)}, Tail: tail('x')}, false},
	} {
		if cut := len(tc.a.Segments) != len(tc.b.Segments); chain.CutElsewhere(tc.a, tc.b) != cut {
			t.Errorf("%s: cut elsewhere: %v", tc.name, !cut)
		}
		err := chain.Compatible(tc.a, tc.b, "one", "other")
		if tc.ok != (err == nil) || !tc.ok && (!errors.Is(err, fault.Diverged) || !strings.Contains(err.Error(), "other")) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	// The same number of segments, and another place.
	thirds := snapshot.Envelope{Segments: []snapshot.Segment{segment('a', 1, 7), segment('a', 8, 20)}}
	if !chain.CutElsewhere(halves, thirds) {
		t.Error("cut after 10 is cut after 7")
	}
}
