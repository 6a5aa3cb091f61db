package compact_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rule = compact.RollUp{Window: time.Hour, Target: 100, Segments: 1000}
)

// thing is an object of a test's timeline.
type thing struct {
	ref      snapshot.Ref
	size     int64
	segments []snapshot.Segment
}

// full holds (compact, last].
func full(compact, last int64) thing {
	return thing{ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: compact, Last: last, At: noon, ID: "0a1b2c3d"}, size: 50}
}

// delta is one segment of ten bytes that is two hours old.
func delta(first, last int64) thing { return deltaOf("x", first, last) }

func deltaOf(content string, first, last int64) thing {
	var canon record.Digest
	copy(canon[:], fmt.Sprintf("%s%d-%d", content, first, last))
	s := []snapshot.Segment{{Length: 10, First: first, Last: last, Canon: canon}}
	return joined(s)
}

func joined(segments []snapshot.Segment) thing {
	first, last := segments[0].First, segments[len(segments)-1].Last
	return thing{ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: first, Last: last, At: noon.Add(-2 * time.Hour),
		ID: snapshot.ID(snapshot.DeltaDigest(segments))}, size: 10 * int64(len(segments)), segments: segments}
}

func (o thing) sized(bytes int64) thing    { o.size = bytes; return o }
func (o thing) aged(d time.Duration) thing { o.ref.At = noon.Add(-d); return o }
func many(first int64, n int, more ...thing) []thing { // deltas of ten revisions each
	var out []thing
	for i := range int64(n) {
		out = append(out, delta(first+10*i, first+10*i+9))
	}
	return append(out, more...)
}

func history(things ...thing) *timeline.History {
	listing := []timeline.Object{{Key: snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: 1}.Key()}}
	for _, o := range things {
		listing = append(listing, timeline.Object{Key: o.ref.Key(), Size: o.size})
		if o.ref.Kind == snapshot.KindFull {
			listing = append(listing, timeline.Object{Key: o.ref.Manifest().Key(), Size: 1})
		}
	}
	c := timeline.Catalog(listing)
	return c.Find(1)
}

func groups(p compact.Plan) string {
	var out []string
	for _, g := range p.Groups {
		out = append(out, fmt.Sprintf("%s/%d", g.Range(), len(g.Deltas)))
	}
	return strings.Join(out, " ")
}

func TestRollUp(t *testing.T) {
	newest := delta(1001, 1002)
	for _, tc := range []struct {
		name   string
		things []thing
		want   string // ranges and numbers of deltas
		left   string // part of a reason
	}{
		{"an empty timeline has nothing to roll up", nil, "", ""},
		{"old small deltas become one", many(1, 5, newest), "1–50/5", "newest"},
		{"the newest stays, however old it is", many(1, 5), "1–40/4", "newest"},
		{"younger ones stay", slices.Concat(many(1, 4), []thing{delta(41, 50).aged(time.Minute), newest}), "1–40/4", "younger"},
		{"at the end of the window they are old enough", slices.Concat(many(1, 3), []thing{delta(31, 40).aged(time.Hour), newest}), "1–40/4", ""},
		{"a young one in the middle ends a group", slices.Concat(many(1, 4), []thing{delta(41, 50).aged(time.Minute)}, many(51, 4), []thing{newest}), "1–40/4 51–90/4", "younger"},
		{"three are not worth it", many(1, 3, newest), "", "too few"},
		{"no roll-up goes beyond the target", many(1, 25, newest), "1–100/10 101–200/10 201–250/5", ""},
		{"a gap is not crossed", slices.Concat(many(1, 4), many(51, 4), []thing{newest}), "1–40/4 51–90/4", ""},
		{"an overlap of two leaders is not touched", slices.Concat(many(1, 4), []thing{deltaOf("y", 38, 50)}, many(51, 5), []thing{newest}), "51–100/5", "two writers"},
		{"a dispute is not touched", slices.Concat(many(1, 4), []thing{deltaOf("x", 41, 50), deltaOf("y", 41, 50)}, many(51, 4), []thing{newest}), "1–40/4 51–90/4", "two writers"},
		{"equal deltas of two leaders count once", slices.Concat(many(1, 4), []thing{delta(31, 40).aged(3 * time.Hour), newest}), "1–40/4", ""},
		{"what a roll-up replaced is not rolled up again", slices.Concat(many(1, 5), []thing{joined(segmentsOf(many(1, 5))), newest}), "", "too few"},
		{"a full begins a new group, so that a restore from it reads no more", slices.Concat(many(1, 8), []thing{full(0, 45), newest}), "1–40/4 41–80/4", ""},
		{"a full that ends with a delta too", slices.Concat(many(1, 8), []thing{full(0, 40), newest}), "1–40/4 41–80/4", ""},
		{"an old roll-up stays while what follows is less", slices.Concat([]thing{delta(1, 10).sized(60)}, many(11, 3), []thing{newest}), "", "larger than all others"},
		{"the small ones behind it are joined without it", slices.Concat([]thing{delta(1, 10).sized(60)}, many(11, 4), []thing{newest}), "11–50/4", "larger than all others"},
		{"it grows to a coarser level once there is as much again", slices.Concat([]thing{delta(1, 10).sized(40)}, many(11, 5), []thing{newest}), "1–60/6", ""},
		{"what is larger than the target stays", slices.Concat(many(1, 4), []thing{delta(41, 50).sized(1000)}, many(51, 4), []thing{newest}), "1–40/4 51–90/4", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := history(tc.things...)
			if h == nil {
				h = &timeline.History{}
			}
			p := rule.Plan(h, noon)
			if got := groups(p); got != tc.want {
				t.Errorf("rolls up %s, want %s; left %+v", got, tc.want, p.Left)
			}
			said := ""
			for _, l := range p.Left {
				said += l.Reason + "; "
			}
			for _, g := range p.Groups {
				if !strings.Contains(g.Reason, g.Range().String()) {
					t.Errorf("no reason with its revisions: %q", g.Reason)
				}
			}
			if !strings.Contains(said, tc.left) {
				t.Errorf("what is left is explained by %q, want %q", said, tc.left)
			}
		})
	}
}

func TestWhatIsLeftIsToldInRuns(t *testing.T) {
	p := rule.Plan(history(slices.Concat(many(1, 3), many(51, 2), []thing{delta(1001, 1002)})...), noon)
	var got []string
	for _, l := range p.Left {
		got = append(got, fmt.Sprintf("%s/%d", l.Range, l.Deltas))
	}
	if s := strings.Join(got, " "); s != "1–30/3 51–70/2 1001–1002/1" {
		t.Error(s)
	}
}

func TestAFullThatWasNeverFinishedPartsNothing(t *testing.T) {
	h := history(many(1, 8, full(0, 40), delta(1001, 1002))...)
	h.Fulls[0].Finished = false
	if got := groups(rule.Plan(h, noon)); got != "1–80/8" {
		t.Error(got)
	}
}

func TestARollUpHasOnlySoManySegments(t *testing.T) {
	r := compact.RollUp{Window: time.Hour, Target: 1e6, Segments: 20}
	g := r.Plan(history(many(1, 12, delta(1001, 1002))...), noon).Groups[0]
	one := []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	for _, tc := range []struct {
		name     string
		segments []int
		want     string
	}{
		{"as many as fit stay together", one, "1–120/12"},
		{"a full roll-up ends the group before it", []int{1, 1, 1, 1, 20, 1, 1, 1, 1, 1, 1, 1}, "1–40/4 51–120/7"},
		{"parts that are too short stay", []int{10, 10, 10, 10, 10, 10, 10, 10, 5, 5, 5, 5}, "81–120/4"},
	} {
		parts := r.Fit(g, tc.segments)
		if got := groups(compact.Plan{Groups: parts}); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		for _, part := range parts {
			if part.Bytes != 10*int64(len(part.Deltas)) || strings.Contains(part.Reason, "all that one may have") != (len(parts[0].Deltas) < 12) {
				t.Errorf("%s: %d bytes, %q", tc.name, part.Bytes, part.Reason)
			}
		}
	}
}

func segmentsOf(things []thing) []snapshot.Segment {
	var out []snapshot.Segment
	for _, o := range things {
		out = append(out, o.segments...)
	}
	return out
}

// bucket is a random timeline whose deltas know their segments.
type bucket struct{ things map[string]thing }

func (b bucket) history() *timeline.History {
	var all []thing
	for _, o := range b.things {
		all = append(all, o)
	}
	return history(all...)
}

func (b bucket) put(o thing) { b.things[o.ref.Key()] = o }

// carryOut stores what a plan says and returns what it stored.
func (b bucket) carryOut(p compact.Plan) []thing {
	var out []thing
	for _, g := range p.Groups {
		var segments []snapshot.Segment
		for _, d := range g.Deltas {
			segments = append(segments, b.things[d.Key()].segments...)
		}
		o := joined(segments)
		o.ref.At = g.Deltas[len(g.Deltas)-1].At
		b.put(o)
		out = append(out, o)
	}
	return out
}

// forget removes what a roll-up holds, as retention does.
func (b bucket) forget(rolled []thing) (removed int) {
	for _, r := range chain.Replaced(b.history()) {
		for _, o := range rolled {
			if o.ref == r.By.Ref && chain.Holds(snapshot.Envelope{Epoch: 1, Segments: o.segments}, r.Delta.Ref) {
				delete(b.things, r.Delta.Key())
				removed++
			}
		}
	}
	return removed
}

// random has fulls, gaps, overlaps and differing sizes; two leaders' deltas of
// one revision have the same content. With dispute, some ranges are disputed.
func random(rng *rand.Rand, dispute bool) bucket {
	b := bucket{map[string]thing{}}
	next := int64(1)
	for range 10 + rng.IntN(60) {
		first := next
		switch rng.IntN(25) {
		case 0:
			first += rng.Int64N(5)
		case 1:
			first = max(1, first-rng.Int64N(10))
		}
		last := first + rng.Int64N(12)
		o := delta(first, last).sized(1 + rng.Int64N(12))
		if rng.IntN(30) == 0 {
			o.size = 60
		}
		o.ref.At = noon.Add(-time.Duration(rng.IntN(100)) * time.Hour)
		b.put(o)
		if dispute && rng.IntN(20) == 0 {
			b.put(deltaOf("y", first, last))
		}
		next = max(next, last+1)
	}
	for range 1 + rng.IntN(4) {
		last := 1 + rng.Int64N(next)
		b.put(full(rng.Int64N(last), last))
	}
	return b
}

// Whatever the bucket: everything that could be restored still can be, without a
// dispute that was not there, from no more objects; before and after the small
// deltas went; and doing it again does nothing.
func TestRollUpLosesNothing(t *testing.T) {
	rolledUp, removed := 0, 0
	for seed := range uint64(120) {
		b := random(rand.New(rand.NewPCG(seed, 1)), seed%2 == 0)
		before := b.history()
		was := chain.Cover(before)
		p := rule.Plan(before, noon)
		if again := rule.Plan(b.history(), noon); groups(again) != groups(p) {
			t.Fatalf("seed %d: two plans for one bucket: %s and %s", seed, groups(p), groups(again))
		}
		rolled := b.carryOut(p)
		rolledUp += len(rolled)
		newest := before.NewestDelta()
		for _, stage := range []string{"rolled up", "small ones gone"} {
			h := b.history()
			is := chain.Cover(h)
			if fmt.Sprint(is) != fmt.Sprint(was) {
				t.Fatalf("seed %d, %s: covers %+v, before %+v", seed, stage, is, was)
			}
			if h.NewestDelta().Ref != newest.Ref {
				t.Errorf("seed %d: the newest delta changed", seed)
			}
			for rev := int64(1); rev <= newest.Last; rev += 1 + rev%3 {
				old, oldErr := chain.Plan(before, rev, nil)
				now, err := chain.Plan(h, rev, nil)
				if (oldErr == nil) != (err == nil) || len(now.Deltas) > len(old.Deltas) || now.Base.Last != old.Base.Last {
					t.Fatalf("seed %d, %s, revision %d: %d deltas, %v; before %d, %v", seed, stage, rev, len(now.Deltas), err, len(old.Deltas), oldErr)
				}
			}
			if again := rule.Plan(h, noon); len(again.Groups) != 0 {
				t.Fatalf("seed %d, %s: rolls up again: %s, before %s", seed, stage, groups(again), groups(p))
			}
			removed += b.forget(rolled)
		}
	}
	t.Logf("%d roll-ups, %d deltas replaced", rolledUp, removed)
	if rolledUp < 120 || removed < 4*rolledUp {
		t.Errorf("only %d roll-ups and %d deltas replaced: the test tests little", rolledUp, removed)
	}
}

// Two sidecars that plan at different times, one of them on what the other left,
// never give one range two digests.
func TestRollUpsNeverDispute(t *testing.T) {
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 2))
		b := random(rng, false)
		for range 5 {
			at := noon.Add(time.Duration(rng.IntN(100)-100) * time.Hour)
			one, other := rule.Plan(b.history(), at), rule.Plan(b.history(), at.Add(time.Hour))
			rolled := b.carryOut(one)
			if rng.IntN(2) == 0 {
				b.forget(rolled)
				other = rule.Plan(b.history(), at.Add(time.Hour))
			}
			b.carryOut(other)
			if d := chain.Cover(b.history()).Disputed; len(d) != 0 {
				t.Fatalf("seed %d: disputed %v", seed, d)
			}
		}
	}
}
