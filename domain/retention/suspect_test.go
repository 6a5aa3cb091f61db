package retention_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func suspectAbove(rev int64) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: 1, Last: rev, At: now}
}

func proofAt(rev int64) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: rev, At: now}
}

// A timeline with fulls 10, 20, 30 and 40, of which only what is up to 25 is good,
// and the one that followed it.
func doubted(change func(h *timeline.History)) timeline.Catalogue {
	h := history(full(10, 50*day), full(20, 45*day), delta(21, 25, 44*day), delta(26, 30, 43*day), full(30, 42*day), delta(31, 39, 41*day), full(40, 40*day))
	h.Proofs = []snapshot.Ref{proofAt(20), proofAt(25), proofAt(40)}
	h.Suspects = []snapshot.Ref{suspectAbove(25)}
	h.ClusterID = "c"
	change(&h)
	next := history(full(50, hour))
	next.Epoch, next.First, next.ClusterID, next.BeganAt = 2, 41, "c", now.Add(-39*day)
	for i := range next.Fulls {
		next.Fulls[i].Epoch = 2
	}
	return timeline.Catalogue{Timelines: []timeline.History{h, next}}
}

func TestWhatIsSuspectTakesThePlaceOfNothing(t *testing.T) {
	only := func(limit int) retention.Rule {
		r := rule()
		r.Policy.Limit = limit
		return r
	}
	for _, tc := range []struct {
		story string
		rule  retention.Rule
		c     timeline.Catalogue
		gone  string
	}{
		{"the newest good chain up to its proof stays though newer fulls are there, and these go", only(1), doubted(func(*timeline.History) {}),
			"proof 40, delta 39, delta 30, manifest 40, manifest 30, manifest 10, full 40, full 30, full 10"},
		{"a policy counts good fulls only", only(3), doubted(func(*timeline.History) {}),
			"proof 40, delta 39, delta 30, manifest 40, manifest 30, full 40, full 30"},
		{"without the mark the newest proof would be what stays", only(1), doubted(func(h *timeline.History) { h.Suspects = nil }),
			"proof 20, proof 25, delta 39, delta 30, delta 25, manifest 30, manifest 20, manifest 10, full 30, full 20, full 10"},
		{"while the timeline is frozen nothing of it goes", func() retention.Rule { r := only(1); r.Frozen = 60 * day; return r }(), doubted(func(*timeline.History) {}), ""},
		{"a pinned revision stays though it is suspect", only(1), doubted(func(h *timeline.History) {
			h.Pins = []snapshot.Ref{{Kind: snapshot.KindPin, Epoch: 1, Last: 35, At: now}}
		}), "proof 40, delta 30, manifest 40, manifest 10, full 40, full 10"},
		{"a full above is kept where nothing else leads to the good revision", only(1), doubted(func(h *timeline.History) {
			h.Fulls = h.Fulls[2:]
			h.Fulls[0].First = 15
		}), "proof 40, delta 39, delta 30, delta 25, manifest 40, full 40"},
		{"a retired timeline goes whole", only(1), doubted(func(h *timeline.History) {
			h.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Retired)}}
		}), "all"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			p := retention.Make(tc.c, tc.rule, retention.Facts{}, now)
			if p.Stopped != "" {
				t.Fatal(p.Stopped)
			}
			got := gone(p)
			if tc.gone == "all" {
				if n := len(got); n == 0 || !slices.Contains(got, "suspect 25") || !slices.Contains(got, "timeline 0") {
					t.Errorf("goes: %v", got)
				}
				return
			}
			if strings.Join(got, ", ") != tc.gone {
				t.Errorf("goes: %s\nwant  %s", strings.Join(got, ", "), tc.gone)
			}
		})
	}
}

func TestASuspectTimelineThatNoOtherFollowsStopsEverything(t *testing.T) {
	c := doubted(func(*timeline.History) {})
	c.Timelines = c.Timelines[:1]
	c.Timelines[0].Fulls[3].At = now.Add(-hour)
	stoppedBy(t, retention.Make(c, rule(), retention.Facts{}, now), "suspect above revision 25")
}

func TestAPlanDoesNotHoldOnceATimelineIsSuspect(t *testing.T) {
	planned := doubted(func(h *timeline.History) { h.Suspects = nil })
	if why := retention.Changed(planned, doubted(func(*timeline.History) {}), nil); !strings.Contains(why, "timeline 1 is suspect now") {
		t.Errorf("%q", why)
	}
	if why := retention.Changed(planned, planned, nil); why != "" {
		t.Errorf("%q", why)
	}
}

// Whatever is suspect of a history, what is good of it fares as if the rest had
// never been stored.
func TestSuspectObjectsChangeNothingForGoodOnes(t *testing.T) {
	deleted := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		h := anyHistory(rng)
		h.ClusterID = "c"
		good := rng.Int64N(h.MaxRevision() + 1)
		h.Suspects = []snapshot.Ref{suspectAbove(good)}
		without := h
		without.Suspects = nil
		without.Fulls = slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return f.Last > good })
		without.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return d.First > good })
		without.Proofs = slices.DeleteFunc(slices.Clone(h.Proofs), func(r snapshot.Ref) bool { return r.Last > good })
		without.Pins = slices.DeleteFunc(slices.Clone(h.Pins), func(r snapshot.Ref) bool { return r.Last > good })
		h.Pins = without.Pins
		if !chain.Cover(&without).Contains(good) {
			continue // a full above it is needed
		}
		next := doubted(func(*timeline.History) {}).Timelines[1]
		next.First = h.MaxRevision() + 1
		next.Fulls[0].First, next.Fulls[0].Last = next.First, next.First
		r := anyRule(rng)
		r.Frozen = 0
		marked := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h, next}}, r, retention.Facts{}, now)
		plain := retention.Make(timeline.Catalogue{Timelines: []timeline.History{without, next}}, r, retention.Facts{}, now)
		goes := gone(marked)
		for _, d := range plain.Decisions {
			name := strings.TrimSpace(fmt.Sprintf("%s %d", d.Ref.Kind, d.Ref.Last))
			if !d.Delete && marked.Stopped == plain.Stopped && slices.ContainsFunc(marked.Decisions, func(m retention.Decision) bool { return m.Ref == d.Ref && m.Delete }) {
				t.Fatalf("seed %d, good up to %d: %s goes because of what is suspect: %v", seed, good, name, goes)
			}
		}
		deleted += len(goes)
	}
	if deleted == 0 {
		t.Error("nothing was ever deleted: the test tests nothing")
	}
}

// Of a timeline of which nothing is good no full is counted, not even one that goes
// back to the beginning.
func TestAFullThatIsSuspectFromTheBeginningCountsForNothing(t *testing.T) {
	for _, first := range []int64{0, 5} {
		one := history(full(10, 90*day), full(20, 85*day))
		two := history(full(30, 50*day), full(40, 45*day))
		three := doubted(func(*timeline.History) {}).Timelines[1]
		one.ClusterID, two.ClusterID = "c", "c"
		two.Epoch, two.First, two.BeganAt, three.Epoch = 2, 21, now.Add(-60*day), 3
		for i := range two.Fulls {
			two.Fulls[i].Epoch, two.Fulls[i].First = 2, first
		}
		three.Fulls[0].Epoch = 3
		mark := suspectAbove(0)
		mark.Epoch = 2
		two.Suspects = []snapshot.Ref{mark}
		r := rule()
		r.Policy.Limit = 3 // with that of the third timeline, both of the first
		p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{one, two, three}}, r, retention.Facts{}, now)
		if p.Stopped != "" {
			t.Fatal(p.Stopped)
		}
		for _, d := range p.Decisions {
			if d.Ref.Epoch == 1 && d.Delete {
				t.Errorf("fulls from %d on: %s of the good timeline goes: %s", first, d.Ref.Key(), d.Reason)
			}
		}
	}
}
