package verify_test

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/verify"
)

func full(first, last int64) timeline.Full {
	return timeline.Full{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: first, Last: last}, Finished: true}
}

func atLeast(revision int64) timeline.Full {
	f := full(revision, revision)
	f.AtLeast = true
	return f
}

func delta(first, last int64, content string) timeline.Delta {
	return timeline.Delta{Ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: first, Last: last, ID: content}}
}

func TestWhatAListingSays(t *testing.T) {
	unfinished := full(0, 30)
	unfinished.Finished = false
	for _, tc := range []struct {
		name     string
		history  timeline.History
		kind     fault.Kind // of the worst finding; empty for none
		finding  string
		note     string
		findings int
	}{
		{name: "a full and what follows it", history: timeline.History{Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a"), delta(21, 30, "b")}}},
		{name: "a delta is missing", history: timeline.History{Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a"), delta(31, 40, "c")}},
			kind: fault.NotFound, finding: "31–40", findings: 1},
		{name: "points that retention kept", history: timeline.History{Fulls: []timeline.Full{full(5, 10), full(15, 20)}}, note: "11–14"},
		{name: "deltas in a gap are told of once, as what no full leads up to",
			history: timeline.History{Fulls: []timeline.Full{full(5, 10), full(25, 30)}, Deltas: []timeline.Delta{delta(15, 18, "a")}},
			kind:    fault.NotFound, finding: "15–18", findings: 1},
		{name: "fulls that may hold more than they say", history: timeline.History{Fulls: []timeline.Full{atLeast(10), atLeast(20)}}, note: "11–19 are in no delta; the full above may hold them"},
		{name: "nothing to begin from", history: timeline.History{Deltas: []timeline.Delta{delta(11, 20, "a")}},
			kind: fault.NotFound, finding: "no finished full", findings: 2},
		{name: "two histories", history: timeline.History{Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a"), delta(11, 20, "b")}},
			kind: fault.Diverged, finding: "11–20", findings: 1},
		{name: "two histories and a hole", history: timeline.History{Fulls: []timeline.Full{full(0, 10)},
			Deltas: []timeline.Delta{delta(11, 20, "a"), delta(11, 20, "b"), delta(31, 40, "c")}}, kind: fault.Diverged, finding: "11–20", findings: 2},
		{name: "it failed a proof", history: timeline.History{Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a")},
			Suspects: []snapshot.Ref{{Kind: snapshot.KindSuspect, Epoch: 1, Last: 15}}}, kind: fault.Diverged, finding: "16–20 are suspect", findings: 1},
		{name: "a full that is being uploaded", history: timeline.History{Fulls: []timeline.Full{full(0, 10), unfinished}}, note: "being uploaded"},
		{name: "a description without its full", history: timeline.History{Fulls: []timeline.Full{full(0, 10)}, Strays: []snapshot.Ref{full(0, 30).Ref}},
			kind: fault.NotFound, finding: "not there", findings: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.history.Epoch = 1
			r := verify.Report{}
			r.Findings, r.Notes = verify.Look([]timeline.History{tc.history})
			if kind, bad := r.Worst(); kind != tc.kind || bad != (tc.findings > 0) || len(r.Findings) != tc.findings {
				t.Errorf("the worst is %q, of %+v", kind, r.Findings)
			}
			var found, noted string
			for _, f := range r.Findings {
				found += f.Detail + "\n"
			}
			for _, n := range r.Notes {
				noted += n.Detail + "\n"
			}
			if !strings.Contains(found, tc.finding) || !strings.Contains(noted, tc.note) || (tc.note == "") != (noted == "") {
				t.Errorf("findings:\n%snotes:\n%s", found, noted)
			}
		})
	}
}

func TestWhatIsLeftWithoutTheDamaged(t *testing.T) {
	h := timeline.History{Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a"), delta(21, 30, "b")}}
	for damaged, want := range map[string]int64{"": 30, h.Deltas[0].Key(): 10, h.Deltas[1].Key(): 20} {
		r := verify.Report{Findings: []verify.Finding{{Kind: fault.Corrupt, Object: damaged}}}
		if got := r.Restorable(&h); len(got) != 1 || got[0].Last != want {
			t.Errorf("without %q: %v, want up to %d", damaged, got, want)
		}
	}
}

func TestWhatASupersededTimelineLacksStaysAway(t *testing.T) {
	baseless := timeline.History{Deltas: []timeline.Delta{delta(11, 20, "a")}}
	disputed := timeline.History{Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a"), delta(11, 20, "b")}}
	doubted := timeline.History{Fulls: []timeline.Full{full(0, 10)}, Suspects: []snapshot.Ref{{Kind: snapshot.KindSuspect, Epoch: 3, Last: 5}}}
	whole := timeline.History{Fulls: []timeline.Full{full(0, 10)}}
	for i, h := range []*timeline.History{&baseless, &disputed, &doubted, &whole} {
		h.Epoch = i + 1
	}
	findings, notes := verify.Look([]timeline.History{baseless, disputed, doubted, whole})
	if len(findings) != 1 || findings[0].Kind != fault.Diverged || findings[0].Timeline != 2 {
		t.Errorf("findings: %+v", findings)
	}
	if len(notes) != 3 || notes[2].Timeline != 3 || notes[0].Timeline != 1 || !strings.Contains(notes[0].Detail, "superseded") {
		t.Errorf("notes: %+v", notes)
	}
}

func TestWhatIsProven(t *testing.T) {
	restored := &verify.Restored{Timeline: 1, Revision: 40}
	compared := &verify.Restored{Timeline: 1, Revision: 40, Proof: &proof.Recorded{Hash: proof.Hash{Revision: 30}}}
	for _, tc := range []struct {
		report verify.Report
		says   string
	}{
		{verify.Report{Level: verify.Structure}, "no object was read"},
		{verify.Report{Level: verify.Objects}, "nothing was restored"},
		{verify.Report{Level: verify.Restore, Restored: restored}, "no HashKV is stored"},
		{verify.Report{Level: verify.Restore, Restored: compared}, "up to revision 30 it is what etcd had"},
		{verify.Report{Level: verify.Restore, Restored: compared, Findings: []verify.Finding{{Kind: fault.Corrupt}}}, "nothing is proven"},
	} {
		if got := tc.report.Proven(); !strings.Contains(got, tc.says) {
			t.Errorf("%+v: %q", tc.report, got)
		}
	}
}

func TestStretchesInWords(t *testing.T) {
	at := func(rev int64) *proof.Recorded { return &proof.Recorded{Hash: proof.Hash{Revision: rev}} }
	for says, s := range map[string]verify.Stretch{
		"revisions 1–9, what etcd had":         {First: 1, Last: 9, Proof: at(9)},
		"revisions 1–9, what etcd had up to 8": {First: 1, Last: 9, Proof: at(8)},
		"revisions 1–9, compared with nothing": {First: 1, Last: 9},
	} {
		if got := s.String(); got != says {
			t.Errorf("%q, want %q", got, says)
		}
	}
}

func TestEachLevelHoldsThoseBeforeIt(t *testing.T) {
	all := verify.Levels()
	for i, level := range all {
		for j, other := range all {
			if got := level.Includes(other); got != (j <= i) {
				t.Errorf("%s includes %s: %v", level, other, got)
			}
		}
	}
}
