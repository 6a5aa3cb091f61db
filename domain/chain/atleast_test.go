package chain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// atLeast has every full say no more than the last revision that it certainly
// holds, as the names of etcd-backup-restore do.
func atLeast(h *timeline.History) *timeline.History {
	for i := range h.Fulls {
		h.Fulls[i].AtLeast, h.Fulls[i].First = true, h.Fulls[i].Last
	}
	return h
}

func TestAFullThatMayHoldMore(t *testing.T) {
	h := atLeast(catalogue(full(0, 10), delta(11, 20), full(0, 40), delta(41, 50)))
	cov := chain.Cover(h)
	if got := fmt.Sprint(cov.Windows, cov.Perhaps); got != "[10–20 40–50] [1–9 21–39]" {
		t.Errorf("windows and what may be besides: %s", got)
	}
	if cov := chain.Cover(atLeast(catalogue(full(0, 10)))); fmt.Sprint(cov.Windows, cov.Perhaps) != "[10] [1–9]" {
		t.Errorf("of one full: %+v", cov)
	}
	for _, tc := range []struct {
		name              string
		target, base      int64
		deltas, witnesses string
	}{
		{"its name says that it holds the target", 10, 10, "", ""},
		{"deltas lead on", 15, 10, "11–20a", ""},
		{"in a gap, the full above it may reach back", 30, 40, "", ""},
		{"below everything, the oldest may", 5, 10, "", ""},
		{"down to the first revision", 1, 10, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, epoch := range []int{0, 1} { // whether or not the timeline is named
				if _, at, err := chain.Locate(bucket(h), epoch, tc.target); err != nil || at != tc.target {
					t.Fatalf("located %d, %v", at, err)
				}
			}
			p, err := chain.Plan(h, tc.target, nil)
			if err != nil || p.Base.Last != tc.base || spans(p.Deltas) != tc.deltas || spans(p.Witnesses) != tc.witnesses {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	for _, target := range []int64{0, 51} {
		if _, _, err := chain.Locate(bucket(h), 0, target); !errors.Is(err, fault.NotFound) {
			t.Errorf("revision %d: %v", target, err)
		}
		if _, err := chain.Plan(h, target, nil); !errors.Is(err, fault.NotFound) {
			t.Errorf("planned to revision %d: %v", target, err)
		}
	}
	h = atLeast(catalogue(full(0, 10), unfinished(0, 20), full(0, 30)))
	if p, err := chain.Plan(h, 15, nil); err != nil || p.Base.Last != 30 {
		t.Errorf("past a full that was never finished: base %d, %v", p.Base.Last, err)
	}
}

func TestALowerFullIsComparedWithWhatWasStoredBefore(t *testing.T) {
	h := atLeast(catalogue(full(0, 10), delta(11, 20), full(0, 20), delta(21, 30)))
	for _, target := range []int64{20, 25} {
		p, err := chain.Plan(h, target, nil)
		if err != nil || p.Base.Last != 20 || spans(p.Witnesses) != "11–20a" {
			t.Errorf("to %d: base %d, witnesses %s, %v", target, p.Base.Last, spans(p.Witnesses), err)
		}
	}
}

func TestATimelineThatHasTheTargetGoesBeforeOneThatMay(t *testing.T) {
	c := bucket(atLeast(catalogue(full(0, 10), delta(11, 40))), atLeast(catalogue(full(0, 60))))
	for target, epoch := range map[int64]int{60: 2, 30: 1, 50: 2, 5: 2} {
		h, _, err := chain.Locate(c, 0, target)
		if err != nil || h.Epoch != epoch {
			t.Errorf("revision %d is in %+v, %v; want timeline %d", target, h, err, epoch)
		}
	}
}

func TestAccept(t *testing.T) {
	exact := chain.Path{Target: 10, Base: timeline.Full{Ref: full(4, 10).ref}}
	least := chain.Path{Target: 10, Base: atLeast(catalogue(full(4, 10))).Fulls[0]}
	for _, tc := range []struct {
		name          string
		path          chain.Path
		compact, last int64
		newer         bool
		kind          fault.Kind
	}{
		{"what the name says", exact, 4, 10, false, ""},
		{"more than the name says", exact, 4, 11, false, fault.Corrupt},
		{"less than the name says", exact, 4, 9, false, fault.Corrupt},
		{"compacted further", exact, 5, 10, false, fault.Corrupt},
		{"just what the name promises", least, 10, 10, false, ""},
		{"more than the name promises", least, 0, 15, true, ""},
		{"less than the name promises", least, 0, 9, false, fault.Corrupt},
		{"compacted beyond the target while it was taken", least, 12, 15, false, fault.NotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.path.Accept(tc.compact, tc.last)
			if got.DropsNewer() != tc.newer || fault.KindOf(err) != tc.kind {
				t.Errorf("%+v, %v", got, err)
			}
			if err == nil && (got.Base.First != tc.compact || got.Base.Last != tc.last || got.Base.AtLeast) {
				t.Errorf("base %+v", got.Base)
			}
		})
	}
}

// What a full holds above its name is nobody's to lose, if the latest is wanted.
func TestTheLatestRevisionMayBeInTheFull(t *testing.T) {
	for _, tc := range []struct {
		name         string
		path         chain.Path
		holds        int64
		target, base int64
	}{
		{"a full alone", chain.Path{Target: 10, Base: atLeast(catalogue(full(0, 10))).Fulls[0]}, 15, 15, 15},
		{"deltas lead beyond it", chain.Path{Target: 20, Base: atLeast(catalogue(full(0, 10))).Fulls[0]}, 15, 20, 15},
		{"it reaches beyond the deltas", chain.Path{Target: 20, Base: atLeast(catalogue(full(0, 10))).Fulls[0]}, 25, 25, 25},
		{"a full of revkeeper's", chain.Path{Target: 10, Base: catalogue(full(0, 10)).Fulls[0]}, 10, 10, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			latest := tc.path.ToLatest()
			if strings.Contains(latest.Reason, "is kept") != tc.path.Base.AtLeast {
				t.Errorf("the reason is %q", latest.Reason)
			}
			p, err := latest.Accept(0, tc.holds)
			if err != nil || p.Target != tc.target || p.Base.Last != tc.base || p.DropsNewer() {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestTheNameOfAFullTellsOfAMoment(t *testing.T) {
	h := atLeast(catalogue(full(0, 10), delta(11, 20)))
	at := h.Fulls[0].At
	m, err := chain.NewMomentSearch(h, at).Result()
	if err != nil || m.Revision < 10 {
		t.Errorf("%+v, %v", m, err)
	}
	h.Deltas = nil
	if m, err := chain.NewMomentSearch(h, at).Result(); err != nil || m.Revision != 10 {
		t.Errorf("at the very instant: %+v, %v", m, err)
	}
	if m, err := chain.NewMomentSearch(h, at.Add(-time.Second)).Result(); err == nil {
		t.Errorf("before the name was made: %+v", m)
	}
}
