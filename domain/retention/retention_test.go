package retention_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// now is a Sunday afternoon.
var now = time.Date(2026, 3, 1, 14, 30, 0, 0, time.UTC)

func full(last int64, ago time.Duration) timeline.Full {
	return timeline.Full{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: last, Last: last, At: now.Add(-ago), ID: "00000000"}, Size: 100, Finished: true}
}

func delta(first, last int64, ago time.Duration) timeline.Delta {
	return timeline.Delta{Ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: first, Last: last, At: now.Add(-ago), ID: "0000000000000000"}, Size: 10}
}

func history(objects ...any) timeline.History {
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 1, First: 1}, Described: true}
	for _, o := range objects {
		switch o := o.(type) {
		case timeline.Full:
			h.Fulls = append(h.Fulls, o)
		case timeline.Delta:
			h.Deltas = append(h.Deltas, o)
		}
	}
	return h
}

// rule keeps two fulls, and nothing for any other reason that can be turned off.
func rule() retention.Rule {
	return retention.Rule{Policy: retention.Policy{Way: retention.Limit, Limit: 2}, Stale: 24 * time.Hour, Frozen: 30 * 24 * time.Hour, Leftover: 24 * time.Hour}
}

const day, hour = 24 * time.Hour, time.Hour

// gone lists what a plan deletes, as "full 7" or "delta 3–9".
func gone(p retention.Plan) []string {
	var out []string
	for _, d := range p.Decisions {
		if d.Delete {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %d", d.Ref.Kind, d.Ref.Last)))
		}
	}
	return out
}

func TestPoliciesChoose(t *testing.T) {
	var fulls []timeline.Full
	for i := range 24 * 60 { // one an hour for two months, on the half hour
		fulls = append(fulls, full(int64(5000-i), time.Duration(i)*hour))
	}
	slices.Reverse(fulls)
	for _, tc := range []struct {
		name   string
		policy retention.Policy
		n      int
	}{
		{"the newest seven", retention.Policy{Way: retention.Limit, Limit: 7}, 7},
		{"more than there are", retention.Policy{Way: retention.Limit, Limit: 1e6}, 1440},
		// 15 hours of today, 7 days before, and the weeks that are left of 35 days,
		// the newest full of each of which is of its Sunday.
		{"exponential", retention.Policy{Way: retention.Exponential}, 15 + 7 + 4},
		{"all of two hours", retention.Policy{Way: retention.Keep, Windows: retention.Windows{All: 2 * hour}}, 3},
		{"hours of a day", retention.Policy{Way: retention.Keep, Windows: retention.Windows{Hourly: 24 * hour}}, 25},
		{"days of a week", retention.Policy{Way: retention.Keep, Windows: retention.Windows{Daily: 7 * day}}, 8},
		{"two months", retention.Policy{Way: retention.Keep, Windows: retention.Windows{Monthly: 2}}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if ps := tc.policy.Validate(); len(ps) > 0 {
				t.Fatal(ps)
			}
			if n := len(tc.policy.Chosen(fulls, now)); n != tc.n {
				t.Errorf("%d stay, want %d", n, tc.n)
			}
		})
	}
}

func TestPoliciesThatAreWrong(t *testing.T) {
	for name, p := range map[string]retention.Policy{
		"none":            {},
		"another":         {Way: "forever"},
		"nothing":         {Way: retention.Limit},
		"empty windows":   {Way: retention.Keep},
		"negative window": {Way: retention.Keep, Windows: retention.Windows{All: hour, Daily: -1}},
	} {
		if ps := p.Validate(); len(ps) != 1 || ps[0].Remedy == "" {
			t.Errorf("%s: %v", name, ps)
		}
	}
}

func TestFloors(t *testing.T) {
	three := history(full(10, 3*day), full(20, 2*day), full(30, day/2), delta(11, 20, 2*day), delta(21, 30, day), delta(31, 35, hour))
	unfinished := full(33, 2*day)
	unfinished.Finished = false
	young := unfinished
	young.Ref.At = now.Add(-hour)
	for _, tc := range []struct {
		name   string
		change func(c *timeline.Catalogue, r *retention.Rule)
		want   string // what goes
	}{
		{"by the policy alone", func(*timeline.Catalogue, *retention.Rule) {}, "delta 30, delta 20, manifest 10, full 10"},
		{"one full stays whatever the policy says, and what follows it", func(_ *timeline.Catalogue, r *retention.Rule) { r.Policy.Limit = 1 }, "delta 30, delta 20, manifest 20, manifest 10, full 20, full 10"},
		{"every revision of a day and a half", func(_ *timeline.Catalogue, r *retention.Rule) { r.Policy.Limit, r.Every = 1, 36*hour }, "delta 20, manifest 10, full 10"},
		{"every revision of a year", func(_ *timeline.Catalogue, r *retention.Rule) { r.Policy.Limit, r.Every = 1, 365*day }, "manifest 20, full 20"},
		{"what took its place is young", func(_ *timeline.Catalogue, r *retention.Rule) { r.Policy.Limit, r.Grace = 1, day }, "delta 20, manifest 10, full 10"},
		{"all are young", func(_ *timeline.Catalogue, r *retention.Rule) { r.Policy.Limit, r.Grace = 1, 365*day }, ""},
		{"the newest proof is of before", func(c *timeline.Catalogue, r *retention.Rule) {
			r.Policy.Limit = 1
			c.Timelines[0].Proofs = []snapshot.Ref{{Kind: snapshot.KindProof, Epoch: 1, Last: 5, At: now}, {Kind: snapshot.KindProof, Epoch: 1, Last: 15, At: now}}
		}, "proof 5, delta 30, manifest 20, full 20"},
		{"a point is pinned", func(c *timeline.Catalogue, r *retention.Rule) {
			r.Policy.Limit = 1
			c.Timelines[0].Pins = []snapshot.Ref{{Kind: snapshot.KindPin, Epoch: 1, Last: 25, At: now}}
		}, "delta 20, manifest 10, full 10"},
		{"a full that is young, but no upload", func(c *timeline.Catalogue, r *retention.Rule) {
			r.Policy.Limit = 1
			c.Timelines[0].Fulls = append(c.Timelines[0].Fulls, full(35, hour))
		}, "delta 35, delta 30, delta 20, manifest 30, manifest 20, manifest 10, full 30, full 20, full 10"},
		{"an upload that was given up", func(c *timeline.Catalogue, _ *retention.Rule) {
			c.Timelines[0].Fulls = append(c.Timelines[0].Fulls, unfinished)
		}, "delta 30, delta 20, manifest 10, full 33, full 10"},
		{"an upload that may go on", func(c *timeline.Catalogue, _ *retention.Rule) {
			c.Timelines[0].Fulls = append(c.Timelines[0].Fulls, young)
		}, "delta 30, delta 20, manifest 10, full 10"},
		{"the backup is stale", func(_ *timeline.Catalogue, r *retention.Rule) { r.Stale = hour / 2 }, ""},
		{"nothing is finished", func(c *timeline.Catalogue, _ *retention.Rule) {
			for i := range c.Timelines[0].Fulls {
				c.Timelines[0].Fulls[i].Finished = false
			}
		}, ""},
		{"nothing is there", func(c *timeline.Catalogue, _ *retention.Rule) { c.Timelines = nil }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := three
			h.Fulls, h.Deltas = slices.Clone(h.Fulls), slices.Clone(h.Deltas)
			c, r := timeline.Catalogue{Timelines: []timeline.History{h}}, rule()
			tc.change(&c, &r)
			p := retention.Make(c, r, retention.Facts{}, now)
			if got := strings.Join(gone(p), ", "); got != tc.want {
				t.Errorf("goes: %s\nwant: %s", got, tc.want)
			}
			for _, d := range p.Decisions {
				if d.Reason == "" {
					t.Errorf("%s has no reason", d.Ref.Key())
				}
			}
		})
	}
}

func TestAPlanTellsWhatItFrees(t *testing.T) {
	h := history(full(10, 3*day), full(20, 2*day), full(30, day/2), delta(11, 20, 2*day), delta(21, 30, day))
	p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, rule(), retention.Facts{}, now)
	if n, bytes := p.Deleted(); n != 4 || bytes != 120 { // two deltas, a full and its description
		t.Errorf("%d objects of %d bytes go", n, bytes)
	}
}

// What a wrong clock dated shows nothing about whether the backup goes on.
func TestHowOldABackupIs(t *testing.T) {
	broken := full(30, hour)
	broken.Finished = false
	for _, tc := range []struct {
		story   string
		objects []any // beside two fulls that are older
		says    string
	}{
		{"nothing else is there", nil, "nothing may go"},
		{"a young delta", []any{delta(21, 25, hour)}, ""},
		{"a young full", []any{full(30, hour)}, ""},
		{"an upload that is not finished", []any{broken}, "nothing may go"},
		{"a delta of tomorrow", []any{delta(21, 25, -day)}, "nothing may go"},
		{"a full of tomorrow", []any{full(30, -day)}, "nothing may go"},
		{"a delta older than the full before it, of another clock", []any{full(30, hour), delta(31, 35, 9*day)}, ""},
	} {
		h := history(append([]any{full(10, 5*day), full(20, 4*day)}, tc.objects...)...)
		p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, rule(), retention.Facts{}, now)
		if (p.Stopped == "") != (tc.says == "") || !strings.Contains(p.Stopped, tc.says) {
			t.Errorf("%s: stopped %q, want %q", tc.story, p.Stopped, tc.says)
		}
	}
}

func TestARunDeletesNoMoreThanItsLimitAndInWaves(t *testing.T) {
	var p retention.Plan
	for i := range int64(2*retention.Wave + 1) {
		p.Decisions = append(p.Decisions, retention.Decision{Ref: delta(i+1, i+1, day).Ref, Delete: i != 0})
	}
	if n := len(p.Sequence(3).Deletions()); n != 3 {
		t.Errorf("%d objects go, the limit is 3", n)
	}
	s, all := p.Sequence(3*retention.Wave), 0
	for wave := s.Next(); len(wave) > 0; wave = s.Next() {
		if all += len(wave); len(wave) > retention.Wave {
			t.Errorf("a wave of %d", len(wave))
		}
	}
	if all != 2*retention.Wave {
		t.Errorf("%d objects went", all)
	}
}

// A full whose history reaches back joins what no delta holds.
func TestAFullThatBridgesStays(t *testing.T) {
	bridge := full(40, day)
	bridge.First = 12
	h := history(full(10, 3*day), full(20, 2*day), bridge, full(50, hour), delta(11, 15, 2*day), delta(41, 55, hour))
	r := rule()
	r.Policy.Limit, r.Every = 1, 30*hour
	p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, r, retention.Facts{}, now)
	if got, want := strings.Join(gone(p), ", "), "delta 15, manifest 10, full 10"; got != want {
		t.Errorf("goes: %s\nwant: %s", got, want)
	}
}

func TestWhatStopsEverything(t *testing.T) {
	two := func(change func(before, newest *timeline.History)) timeline.Catalogue {
		before, newest := history(full(10, 3*day), delta(11, 20, 2*day)), history(full(30, hour))
		before.ClusterID, newest.ClusterID = "c0de", "c0de"
		newest.Epoch, newest.First, newest.Parent, newest.BeganAt = 2, 25, 1, now.Add(-40*day)
		change(&before, &newest)
		return timeline.Catalogue{Timelines: []timeline.History{before, newest}}
	}
	for _, tc := range []struct {
		name   string
		change func(before, newest *timeline.History)
		says   string // empty: not stopped
	}{
		{"a gap is no reason", func(_, _ *timeline.History) {}, ""},
		{"history went back", func(_, n *timeline.History) { n.First = 20 }, "history went back"},
		{"another cluster", func(_, n *timeline.History) { n.ClusterID = "dead" }, "dead"},
		{"no description", func(b, _ *timeline.History) { b.Described = false }, "no description"},
		{"acknowledged", func(_, n *timeline.History) {
			n.First, n.ClusterID = 1, "dead"
			n.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 2, ID: string(snapshot.Acknowledged)}}
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := retention.Make(two(tc.change), rule(), retention.Facts{}, now)
			if (p.Stopped == "") != (tc.says == "") || !strings.Contains(p.Stopped, tc.says) {
				t.Errorf("stopped: %q", p.Stopped)
			}
			if n, _ := p.Deleted(); p.Stopped != "" && n != 0 {
				t.Errorf("%d objects go all the same", n)
			}
		})
	}
}

// What stops everything may lie further back than the newest two timelines.
func TestEveryTimelineMustFollowFromTheOneBefore(t *testing.T) {
	acknowledge := func(h *timeline.History) {
		h.Marks = append(h.Marks, snapshot.Ref{Kind: snapshot.KindMark, Epoch: h.Epoch, ID: string(snapshot.Acknowledged)})
	}
	for _, tc := range []struct {
		name   string
		change func(a, b, c, d *timeline.History)
		says   string // empty: not stopped
	}{
		{"all follow from each other", func(_, _, _, _ *timeline.History) {}, ""},
		{"another cluster came, and a timeline of it followed", func(_, _, c, d *timeline.History) { c.ClusterID, d.ClusterID = "dead", "dead" }, "acknowledge timeline 3"},
		{"another cluster came long ago", func(a, _, _, _ *timeline.History) { a.ClusterID = "dead" }, "acknowledge timeline 2"},
		{"history went back, and then on", func(_, _, c, d *timeline.History) { c.First, d.First = 5, 400 }, "acknowledge timeline 3"},
		{"the other cluster was acknowledged", func(_, _, c, d *timeline.History) {
			c.ClusterID, d.ClusterID = "dead", "dead"
			acknowledge(c)
		}, ""},
		{"one after it was acknowledged", func(_, b, c, d *timeline.History) {
			b.ClusterID, c.ClusterID, d.ClusterID = "dead", "dead", "dead"
			acknowledge(c)
		}, ""},
		{"one before it was acknowledged", func(_, b, c, d *timeline.History) {
			c.ClusterID, d.ClusterID = "dead", "dead"
			acknowledge(b)
		}, "acknowledge timeline 3"},
		{"one in between has no description", func(_, b, _, _ *timeline.History) { b.Described = false }, "timeline 2 or 3 has no description"},
		{"one of before what was acknowledged has none", func(a, _, c, _ *timeline.History) {
			a.Described = false
			acknowledge(c)
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c timeline.Catalogue
			for i := range 4 {
				first := int64(100*i + 1)
				h := history(full(first+10, 50*day), full(first+20, 49*day), full(first+30, hour))
				h.Epoch, h.First, h.ClusterID, h.BeganAt = i+1, first, "c0de", now.Add(-40*day)
				c.Timelines = append(c.Timelines, h)
			}
			tc.change(&c.Timelines[0], &c.Timelines[1], &c.Timelines[2], &c.Timelines[3])
			stoppedBy(t, retention.Make(c, rule(), retention.Facts{}, now), tc.says)
		})
	}
}

// stoppedBy fails the test unless a plan deletes something, or nothing for a
// reason that says what it must.
func stoppedBy(t *testing.T, p retention.Plan, says string) {
	t.Helper()
	if (p.Stopped == "") != (says == "") || !strings.Contains(p.Stopped, says) {
		t.Errorf("stopped: %q, want %q", p.Stopped, says)
	}
	if n, _ := p.Deleted(); (n == 0) != (says != "") {
		t.Errorf("%d objects go", n)
	}
}

func TestAPinThatCannotBeRestoredStopsEverything(t *testing.T) {
	pin := func(h *timeline.History, revisions ...int64) {
		for _, rev := range revisions {
			h.Pins = append(h.Pins, snapshot.Ref{Kind: snapshot.KindPin, Epoch: h.Epoch, Last: rev, At: now})
		}
	}
	for _, tc := range []struct {
		name   string
		change func(before, newest *timeline.History)
		says   string // empty: not stopped
	}{
		{"all can be restored", func(b, n *timeline.History) { pin(b, 20); pin(n, 33) }, ""},
		{"in a gap of the newest timeline", func(_, n *timeline.History) { pin(n, 33, 38) }, "revision 38 of timeline 2 is pinned"},
		{"above all that is stored", func(_, n *timeline.History) { pin(n, 99) }, "revision 99 of timeline 2 is pinned"},
		{"under dispute", func(_, n *timeline.History) {
			other := n.Deltas[0]
			other.ID = "1111111111111111"
			n.Deltas = slices.Insert(n.Deltas, 1, other)
			pin(n, 33)
		}, "two deltas hold different content"},
		{"in a superseded timeline", func(b, _ *timeline.History) { pin(b, 12, 24) }, "revision 24 of timeline 1 is pinned"},
		{"in a superseded timeline that is frozen", func(b, n *timeline.History) {
			n.BeganAt = now.Add(-day)
			pin(b, 24)
		}, "revision 24 of timeline 1 is pinned"},
		{"in a superseded timeline that is retired", func(b, _ *timeline.History) {
			b.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Retired)}}
			pin(b, 24)
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := history(full(10, 50*day), full(20, 45*day), full(26, 44*day), delta(11, 20, 45*day))
			newest := history(full(30, 3*day), full(40, 2*day), full(50, hour), delta(31, 35, 3*day))
			before.ClusterID, newest.ClusterID = "c0de", "c0de"
			newest.Epoch, newest.First, newest.BeganAt = 2, 29, now.Add(-31*day)
			tc.change(&before, &newest)
			stoppedBy(t, retention.Make(timeline.Catalogue{Timelines: []timeline.History{before, newest}}, rule(), retention.Facts{}, now), tc.says)
		})
	}
}

func TestSupersededTimelines(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(before, newest *timeline.History)
		want   string
	}{
		{"frozen", func(_, n *timeline.History) { n.BeganAt = now.Add(-29 * day) }, ""},
		{"nobody knows since when, though a person acknowledged that", func(_, n *timeline.History) {
			n.Described, n.BeganAt = false, time.Time{}
			n.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 2, ID: string(snapshot.Acknowledged)}}
		}, ""},
		{"thawed: the newest proven chain stays", func(b, _ *timeline.History) {
			b.Proofs = []snapshot.Ref{{Kind: snapshot.KindProof, Epoch: 1, Last: 10, At: now}}
		}, "delta 25, delta 20, manifest 20, full 20"},
		{"thawed, never proven: the newest chain stays", func(_, _ *timeline.History) {}, "delta 20, manifest 10, full 10"},
		{"retired", func(b, _ *timeline.History) {
			b.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Retired)}}
		}, "delta 25, delta 20, manifest 20, manifest 10, full 20, full 10, mark 0, timeline 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, newest := history(full(10, 50*day), full(20, 45*day), delta(11, 20, 45*day), delta(21, 25, 44*day)), history(full(28, day), full(30, hour))
			newest.Epoch, newest.First, newest.BeganAt = 2, 26, now.Add(-31*day)
			tc.change(&before, &newest)
			p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{before, newest}}, rule(), retention.Facts{}, now)
			if got := strings.Join(gone(p), ", "); got != tc.want {
				t.Errorf("goes: %s\nwant: %s", got, tc.want)
			}
		})
	}
}

// anyHistory is a random timeline of some weeks, with gaps, overlaps, fulls that
// reach back, uploads that were given up, proofs and pins.
func anyHistory(rng *rand.Rand) timeline.History {
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 1, First: 1}, Described: true}
	revision, age := int64(1), time.Duration(rng.IntN(60*24))*hour
	for n := rng.IntN(60) + 1; n > 0; n-- {
		age -= time.Duration(rng.Int64N(int64(max(age, 1)/time.Duration(n) + 1)))
		switch rng.IntN(8) {
		case 0, 1:
			f := full(revision, age)
			f.First, f.Finished = max(0, revision-rng.Int64N(40)), rng.IntN(6) > 0
			f.ID = fmt.Sprintf("%08x", n)
			h.Fulls = append(h.Fulls, f)
		case 2:
			revision += rng.Int64N(20) // what nobody stored
		default:
			first := max(1, revision+1-rng.Int64N(3))
			revision += rng.Int64N(15) + 1
			d := delta(first, revision, age)
			d.ID = fmt.Sprintf("%016x", n)
			h.Deltas = append(h.Deltas, d)
		}
		if rng.IntN(10) == 0 {
			h.Proofs = append(h.Proofs, snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: revision, At: now.Add(-age)})
		}
		if rng.IntN(20) == 0 {
			h.Pins = append(h.Pins, snapshot.Ref{Kind: snapshot.KindPin, Epoch: 1, Last: max(1, revision-rng.Int64N(10)), At: now.Add(-age)})
		}
	}
	return h
}

// without returns the history after some of a plan's deletions.
func without(h timeline.History, deleted []retention.Decision) timeline.History {
	gone := map[string]bool{}
	for _, d := range deleted {
		gone[d.Ref.Key()] = true
	}
	is := func(key string) bool { return gone[key] }
	h.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return is(d.Key()) })
	h.Proofs = slices.DeleteFunc(slices.Clone(h.Proofs), func(r snapshot.Ref) bool { return is(r.Key()) })
	h.Fulls = slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return is(f.Key()) })
	for i := range h.Fulls {
		h.Fulls[i].Finished = h.Fulls[i].Finished && !is(h.Fulls[i].Manifest().Key())
	}
	return h
}

func TestLawsHoldForAnyHistoryWhereverDeletionStops(t *testing.T) {
	deleted := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 11))
		h := anyHistory(rng)
		cov := chain.Cover(&h)
		lost := func(pin snapshot.Ref) bool { return !cov.Contains(pin.Last) }
		if seed%8 > 0 { // one of those stops everything
			h.Pins = slices.DeleteFunc(h.Pins, lost)
		}
		r := rule()
		r.Stale = 365 * day
		r.Policy.Limit = 1 + rng.IntN(4)
		if rng.IntN(2) == 0 {
			r.Policy = retention.Policy{Way: retention.Exponential}
		}
		r.Every, r.Grace = time.Duration(rng.IntN(20))*day, time.Duration(rng.IntN(48))*hour
		p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, r, retention.Facts{}, now)

		if slices.ContainsFunc(h.Pins, lost) && p.Stopped == "" {
			t.Fatalf("seed %d: a pin is lost and nothing stopped", seed)
		}
		seen := map[string]int{}
		var going []retention.Decision
		for _, d := range p.Decisions {
			seen[d.Ref.Key()]++
			if d.Delete {
				going = append(going, d)
			}
		}
		for key, n := range seen {
			if n != 1 {
				t.Fatalf("seed %d: %s is decided %d times", seed, key, n)
			}
		}
		want := len(h.Deltas) + len(h.Proofs) + len(h.Pins) + len(h.Fulls) + 1
		for _, f := range h.Fulls {
			if f.Finished {
				want++
			}
		}
		if len(seen) != want {
			t.Fatalf("seed %d: %d objects are decided about, there are %d", seed, len(seen), want)
		}
		deleted += len(going)

		promised := promises(h, r)
		stop := 0
		if len(going) > 0 {
			stop = rng.IntN(len(going) + 1)
		}
		for _, n := range []int{stop, len(going)} {
			rest := without(h, going[:n])
			cov := chain.Cover(&rest)
			for _, rev := range promised {
				if !cov.Contains(rev) {
					t.Fatalf("seed %d: after %d of %d deletions revision %d cannot be restored any more: %v", seed, n, len(going), rev, cov.Windows)
				}
			}
		}
		rest := without(h, going)
		again := retention.Make(timeline.Catalogue{Timelines: []timeline.History{rest}}, r, retention.Facts{}, now)
		if more := gone(again); len(more) > 0 {
			t.Fatalf("seed %d: a second run deletes more: %v", seed, more)
		}
	}
	t.Logf("%d deletions", deleted)
	if deleted < 1000 {
		t.Errorf("only %d deletions were planned: the test shows little", deleted)
	}
}

// promises lists revisions that must stay restorable: what the policy chooses,
// the newest, what is pinned, and every one that was restorable at the end of the
// period of all revisions.
func promises(h timeline.History, r retention.Rule) []int64 {
	cov := chain.Cover(&h)
	var out []int64
	if newest, ok := cov.Newest(); ok {
		out = append(out, newest)
	}
	var done []timeline.Full
	for _, f := range h.Fulls {
		if f.Finished {
			done = append(done, f)
		}
	}
	chosen := r.Policy.Chosen(done, now)
	from := int64(1 << 62)
	for _, f := range done {
		if chosen[f.Ref] != "" {
			out = append(out, f.Last)
		}
		if r.Every > 0 && !f.At.After(now.Add(-r.Every)) {
			from = f.Last
		}
	}
	if r.Every > 0 && from == 1<<62 && len(done) > 0 {
		from = done[0].Last
	}
	for _, pin := range h.Pins {
		if cov.Contains(pin.Last) {
			out = append(out, pin.Last)
		}
	}
	for _, w := range cov.Windows {
		for rev := max(w.First, from); rev <= w.Last; rev++ {
			out = append(out, rev)
		}
	}
	return out
}
