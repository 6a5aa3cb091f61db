package retention_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func TestWindowsInWords(t *testing.T) {
	for _, tc := range []struct {
		text string
		want retention.Windows
		says string // of the error; empty: none
	}{
		{"all: 2h, hourly: 24h, daily: 14d, weekly: 12w, monthly: 12", retention.Windows{All: 2 * hour, Hourly: day, Daily: 14 * day, Weekly: 84 * day, Monthly: 12}, ""},
		{"daily:7d", retention.Windows{Daily: 7 * day}, ""},
		{"", retention.Windows{}, ""},
		{"dayly: 7d", retention.Windows{}, "dayly"},
		{"daily 7d", retention.Windows{}, "name: age"},
		{"daily: 7d, daily: 8d", retention.Windows{}, "once a name"},
		{"daily: 7", retention.Windows{}, `"7" is not an age`},
		{"daily: 99999999999999999w", retention.Windows{}, "not a number of days"},
		{"monthly: 3m", retention.Windows{}, "number of months"},
	} {
		got, err := retention.ParseWindows(tc.text)
		if tc.says != "" {
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q: %v, want %q", tc.text, err, tc.says)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("%q: %+v, %v", tc.text, got, err)
		}
		if again, err := retention.ParseWindows(got.String()); err != nil || again != got {
			t.Errorf("%q reads back as %+v, %v", got.String(), again, err)
		}
	}
}

func TestRulesThatAreWrong(t *testing.T) {
	for key, change := range map[string]func(*retention.Rule){
		"every":    func(r *retention.Rule) { r.Every = -1 },
		"grace":    func(r *retention.Rule) { r.Grace = -1 },
		"stale":    func(r *retention.Rule) { r.Stale = 0 },
		"frozen":   func(r *retention.Rule) { r.Frozen = -1 },
		"leftover": func(r *retention.Rule) { r.Leftover = time.Minute },
		"policy":   func(r *retention.Rule) { r.Policy.Way = "" },
	} {
		r := rule()
		if ps := r.Validate(); len(ps) > 0 {
			t.Fatal(ps)
		}
		change(&r)
		if ps := r.Validate(); len(ps) != 1 || ps[0].Key != key || ps[0].Remedy == "" {
			t.Errorf("%s: %v", key, ps)
		}
	}
}

// A cluster that was wiped must not age out the only good backups.
func TestATimelineThatHoldsSuspiciouslyLittle(t *testing.T) {
	for _, tc := range []struct {
		name      string
		was, is   int64 // live keys; -1: nobody counted
		wasB, isB int64 // bytes of the fulls
		acked     bool
		says      string // empty: not stopped
	}{
		{"as many keys", 1000, 1000, 100, 100, false, ""},
		{"a tenth", 1000, 100, 100, 100, false, ""},
		{"under a tenth", 1000, 99, 100, 100, false, "99 live keys, timeline 1 before it had 1000"},
		{"under a tenth, and a person said that it is right", 1000, 99, 100, 100, true, ""},
		{"nothing", 5, 0, 100, 100, false, "0 live keys"},
		{"nothing after nothing", 0, 0, 100, 100, false, ""},
		{"nobody counted, and the full is as large", -1, 5, 100, 100, false, ""},
		{"nobody counted, and the full is small", 1000, -1, 1000, 99, false, "its newest full is 99 B, that of timeline 1 before it is 1000 B"},
		{"the keys count, not the bytes", 1000, 1000, 1000, 1, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, newest := history(full(10, 50*day), full(20, 45*day)), history(full(28, day), full(30, hour))
			newest.Epoch, newest.First, newest.BeganAt = 2, 26, now.Add(-31*day)
			before.Fulls[1].Size = tc.wasB
			newest.Fulls[1].Size, newest.Fulls[1].Ref.Epoch = tc.isB, 2
			if tc.acked {
				newest.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 2, ID: string(snapshot.Acknowledged)}}
			}
			c := timeline.Catalogue{Timelines: []timeline.History{before, newest}}
			facts := retention.Facts{LiveKeys: map[snapshot.Ref]int64{}}
			counts := map[int]int64{1: tc.was, 2: tc.is}
			for _, ref := range retention.Compared(c) {
				if n := counts[ref.Epoch]; n >= 0 {
					facts.LiveKeys[ref] = n
				}
			}
			stoppedBy(t, retention.Make(c, rule(), facts, now), tc.says)
		})
	}
}

func TestClocksThatAreWrong(t *testing.T) {
	for _, tc := range []struct {
		name string
		ago  time.Duration // of the newest objects
		says string
	}{
		{"a little ahead", -time.Second, ""},
		{"the own clock is far ahead", 300 * day, "the backup is older than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := history(full(10, tc.ago+3*day), full(20, tc.ago+2*day), full(30, tc.ago+day), full(40, tc.ago+hour))
			stoppedBy(t, retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, rule(), retention.Facts{}, now), tc.says)
		})
	}
	h := history(full(10, -day), full(20, -2*day), full(30, -3*day))
	stoppedBy(t, retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, rule(), retention.Facts{}, now), "a clock is wrong")
}

func TestThePolicyNoneDeletesNothing(t *testing.T) {
	r := rule()
	r.Policy = retention.Policy{Way: retention.None}
	h := history(full(10, 3*day), full(20, 2*day), full(30, hour))
	stoppedBy(t, retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, r, retention.Facts{}, now), "policy is none")
}

// What could not be read back is as good as not there: what it was to replace
// stays, and it stays itself.
func TestADamagedReplacementReplacesNothing(t *testing.T) {
	h := history(full(10, 3*day), full(20, 2*day), full(30, day/2), delta(11, 20, 2*day), delta(21, 30, day), delta(31, 35, hour))
	r := rule()
	r.Policy.Limit = 1
	c := timeline.Catalogue{Timelines: []timeline.History{h}}
	p := retention.Make(c, r, retention.Facts{}, now)
	if got, want := strings.Join(gone(p), ", "), "delta 30, delta 20, manifest 20, manifest 10, full 20, full 10"; got != want {
		t.Fatalf("goes: %s\nwant: %s", got, want)
	}
	p = retention.Make(c, r, retention.Facts{Damaged: map[snapshot.Ref]string{h.Fulls[2].Ref: "its digest differs"}}, now)
	if got, want := strings.Join(gone(p), ", "), "delta 20, manifest 10, full 10"; got != want {
		t.Errorf("goes: %s\nwant: %s", got, want)
	}
	for _, d := range p.Decisions {
		if d.Ref.Last == 30 && d.Ref.Kind != snapshot.KindDelta && !strings.Contains(d.Reason, "its digest differs") {
			t.Errorf("%s: %s", d.Ref.Key(), d.Reason)
		}
	}
}

func TestWhatMustHaveBeenReadBack(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(h *timeline.History, r *retention.Rule)
		want   string
	}{
		{"the next full above, of a delta the one that it led to", func(*timeline.History, *retention.Rule) {}, "full 20, full 30"},
		{"only the newest is kept", func(_ *timeline.History, r *retention.Rule) { r.Policy.Limit = 1 }, "full 30"},
		{"the way to what stays restorable, though its full goes", func(_ *timeline.History, r *retention.Rule) {
			r.Policy.Limit, r.Every = 1, 365*day
		}, "full 10, delta 20"},
		{"an upload that was given up needs none", func(h *timeline.History, r *retention.Rule) {
			h.Fulls, h.Deltas, r.Policy.Limit = h.Fulls[2:], h.Deltas[2:], 1
			f := full(33, 2*day)
			f.Finished = false
			h.Fulls = append(h.Fulls, f)
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := history(full(10, 3*day), full(20, 2*day), full(30, day/2), delta(11, 20, 2*day), delta(21, 30, day), delta(31, 35, hour))
			r := rule()
			tc.change(&h, &r)
			p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, r, retention.Facts{}, now)
			if n, _ := p.Deleted(); n == 0 {
				t.Fatal("nothing goes")
			}
			var got []string
			for _, ref := range p.Replacements(p.Sequence(1e6).Deletions()) {
				got = append(got, fmt.Sprintf("%s %d", ref.Kind, ref.Last))
			}
			if got := strings.Join(got, ", "); got != tc.want {
				t.Errorf("read back: %s\nwant: %s", got, tc.want)
			}
		})
	}
}

// A retired timeline is replaced by the newest of what follows it.
func TestWhatReplacesARetiredTimeline(t *testing.T) {
	before, newest := history(full(10, 50*day)), history(full(28, day), full(30, hour))
	before.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Retired)}}
	newest.Epoch, newest.First, newest.BeganAt = 2, 26, now.Add(-31*day)
	p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{before, newest}}, rule(), retention.Facts{}, now)
	refs := p.Replacements(p.Sequence(10).Deletions())
	if len(refs) != 1 || refs[0].Last != 30 {
		t.Errorf("%+v", refs)
	}
}

// A new timeline, as every gap begins one, must not cost the months before it.
func TestThePolicyGoesOnOverTimelines(t *testing.T) {
	var before timeline.History
	before = history(full(10, 100*day), full(20, 70*day), full(30, 50*day), full(40, 45*day))
	newest := history(full(50, 40*day), full(60, hour))
	newest.Epoch, newest.First, newest.BeganAt = 2, 45, now.Add(-40*day)
	r := rule()
	r.Policy = retention.Policy{Way: retention.Keep, Windows: retention.Windows{Monthly: 12}}
	p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{before, newest}}, r, retention.Facts{}, now)
	if got := gone(p); len(got) != 2 || !slices.Contains(got, "full 30") { // of January only the newest
		t.Errorf("goes: %v", got)
	}
}

// A description without its full is there after a person removed the full, and
// for a moment in a listing that ran beside an upload.
func TestAStrayDescription(t *testing.T) {
	h := history(full(10, 3*day), full(20, hour))
	for last, ago := range map[int64]time.Duration{15: 2 * day, 21: hour} {
		stray := full(last, ago).Manifest()
		h.Strays = append(h.Strays, stray)
	}
	p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, rule(), retention.Facts{}, now)
	if got := gone(p); len(got) != 1 || got[0] != "manifest 15" {
		t.Errorf("goes: %v", got)
	}
}

// What is written about a timeline says why it stays, a pin in the words of who
// pinned.
func TestNotesSayWhyTheyStay(t *testing.T) {
	h := history(full(10, 3*day), full(20, hour))
	named := snapshot.Ref{Kind: snapshot.KindPin, Epoch: 1, Last: 10, At: now}
	bare := snapshot.Ref{Kind: snapshot.KindPin, Epoch: 1, Last: 20, At: now}
	mark := snapshot.Ref{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Acknowledged)}
	h.Pins, h.Marks = []snapshot.Ref{named, bare}, []snapshot.Ref{mark}
	p := retention.Make(timeline.Catalogue{Timelines: []timeline.History{h}}, rule(),
		retention.Facts{Notes: map[snapshot.Ref]string{named: "before the upgrade"}}, now)
	reasons := map[snapshot.Ref]string{}
	for _, d := range p.Decisions {
		reasons[d.Ref] = d.Reason
	}
	for ref, want := range map[snapshot.Ref]string{
		named: "it is a pin, which only `revkeeper unpin` takes back: before the upgrade",
		bare:  "it is a pin, which only `revkeeper unpin` takes back",
		mark:  "it is what a person decided about the timeline",
	} {
		if reasons[ref] != want {
			t.Errorf("%s: %q", ref.Key(), reasons[ref])
		}
	}
}

func TestASequenceSparesWhatDependsOnWhatStayed(t *testing.T) {
	before, newest := history(full(10, 50*day), full(20, 45*day)), history(full(28, day), full(30, hour))
	before.Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Retired)}}
	newest.Epoch, newest.First, newest.BeganAt = 2, 26, now.Add(-31*day)
	s := retention.Make(timeline.Catalogue{Timelines: []timeline.History{before, newest}}, rule(), retention.Facts{}, now).Sequence(100)
	if wave := s.Next(); len(wave) != 2 || wave[0].Ref.Kind != snapshot.KindManifest {
		t.Fatalf("%+v", wave)
	} else {
		s.Missed(wave[0].Ref) // of full 20: locked
	}
	if wave := s.Next(); len(wave) != 1 || wave[0].Ref.Last != 10 {
		t.Errorf("%+v", wave)
	}
	if wave := s.Next(); len(wave) != 0 {
		t.Errorf("a timeline that is not empty loses %+v", wave)
	}
	if n := len(s.Skipped()); n != 3 { // the full, the mark, the description
		t.Errorf("%d were skipped", n)
	}
}

func TestAPlanDoesNotHoldOnceTheBucketChanged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(c *timeline.Catalogue)
		gone   bool // the plan deleted full 10 itself
		says   string
	}{
		{"nothing happened", func(*timeline.Catalogue) {}, false, ""},
		{"a full came", func(c *timeline.Catalogue) { c.Timelines[0].Fulls = append(c.Timelines[0].Fulls, full(40, 0)) }, false, ""},
		{"the plan itself deleted a full", func(c *timeline.Catalogue) { c.Timelines[0].Fulls = c.Timelines[0].Fulls[1:] }, true, ""},
		{"somebody else deleted a full", func(c *timeline.Catalogue) { c.Timelines[0].Fulls = c.Timelines[0].Fulls[1:] }, false, "went without this plan"},
		{"a pin", func(c *timeline.Catalogue) {
			c.Timelines[0].Pins = []snapshot.Ref{{Kind: snapshot.KindPin, Epoch: 1, Last: 5}}
		}, false, "revision 5 of timeline 1 is pinned now"},
		{"a mark", func(c *timeline.Catalogue) {
			c.Timelines[0].Marks = []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 1, ID: "retired"}}
		}, false, "is retired now"},
		{"a timeline", func(c *timeline.Catalogue) {
			c.Timelines = append(c.Timelines, timeline.History{Timeline: timeline.Timeline{Epoch: 2}})
		}, false, "timeline 2 is there now"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := timeline.Catalogue{Timelines: []timeline.History{history(full(10, 3*day), full(20, hour))}}
			later := timeline.Catalogue{Timelines: slices.Clone(c.Timelines)}
			tc.change(&later)
			gone := map[snapshot.Ref]bool{}
			if tc.gone {
				gone[c.Timelines[0].Fulls[0].Ref] = true
			}
			why := retention.Changed(c, later, gone)
			if (why == "") != (tc.says == "") || !strings.Contains(why, tc.says) {
				t.Errorf("%q, want %q", why, tc.says)
			}
		})
	}
}
