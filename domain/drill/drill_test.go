package drill_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func bucket(change func(h *timeline.History)) *timeline.Catalogue {
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 2}, Described: true,
		Fulls:  []timeline.Full{{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 2, First: 0, Last: 10}, Finished: true}},
		Deltas: []timeline.Delta{{Ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 2, First: 11, Last: 40}}}}
	change(&h)
	return &timeline.Catalogue{Timelines: []timeline.History{{Timeline: timeline.Timeline{Epoch: 1}}, h}}
}

func full(last int64) timeline.Full {
	return timeline.Full{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 2, Last: last}, Finished: true}
}

func delta(first, last int64) timeline.Delta {
	return timeline.Delta{Ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 2, First: first, Last: last}}
}

func refs(kind snapshot.Kind, revisions ...int64) (out []snapshot.Ref) {
	for _, r := range revisions {
		out = append(out, snapshot.Ref{Kind: kind, Epoch: 2, Last: r})
	}
	return out
}

// A drill goes from one full to the next, so that what the deltas between them lost
// shows, and ends with what a restore of the newest revision is made of.
func TestWhatIsRebuilt(t *testing.T) {
	fulls := func(h *timeline.History) {
		h.Fulls = []timeline.Full{full(10), full(20), full(30)}
		h.Proofs = refs(snapshot.KindProof, 10, 20, 25, 30)
	}
	for _, tc := range []struct {
		story  string
		bucket *timeline.Catalogue
		want   string // the stretches, as full–revision over what is known
		says   string // where nothing is rebuilt
	}{
		{"from the only full to the newest revision", bucket(func(*timeline.History) {}), "10–40>0", ""},
		{"from each full to the next", bucket(fulls), "10–20>0 20–30>20 30–40>30", ""},
		{"on from the newest verified revision", bucket(func(h *timeline.History) {
			fulls(h)
			h.Verified = refs(snapshot.KindVerified, 12, 25)
		}), "20–30>25 30–40>30", ""},
		{"all but the newest full is verified", bucket(func(h *timeline.History) {
			fulls(h)
			h.Verified = refs(snapshot.KindVerified, 35)
		}), "30–40>35", ""},
		{"nothing is new", bucket(func(h *timeline.History) {
			fulls(h)
			h.Verified = refs(snapshot.KindVerified, 40)
		}), "30–40>40", ""},
		{"a full without a hash ends no stretch, and the newest is tried all the same", bucket(func(h *timeline.History) {
			fulls(h)
			h.Proofs = refs(snapshot.KindProof, 30)
		}), "10–30>0 30–40>30", ""},
		{"no full has a hash", bucket(func(h *timeline.History) {
			fulls(h)
			h.Proofs = nil
		}), "10–40>0 30–40>40", ""},
		{"an unfinished full is none", bucket(func(h *timeline.History) {
			fulls(h)
			h.Fulls[1].Finished = false
		}), "10–30>0 30–40>30", ""},
		{"up to a gap, and on from the full behind it", bucket(func(h *timeline.History) {
			fulls(h)
			h.Deltas = []timeline.Delta{delta(11, 14), delta(21, 40)}
		}), "10–14>0 20–30>14 30–40>30", ""},
		{"a gap right after a full", bucket(func(h *timeline.History) {
			fulls(h)
			h.Deltas = []timeline.Delta{delta(12, 24), delta(31, 40)}
		}), "20–24>0 30–40>24", ""},
		{"nothing follows the newest full", bucket(func(h *timeline.History) {
			fulls(h)
			h.Deltas = []timeline.Delta{delta(11, 30)}
			h.Verified = refs(snapshot.KindVerified, 30)
		}), "30–30>30", ""},
		{"its base is pending", bucket(func(h *timeline.History) { h.Fulls = nil }), "", "nothing of timeline 2"},
		{"it is suspect already", bucket(func(h *timeline.History) {
			h.Suspects = []snapshot.Ref{{Kind: snapshot.KindSuspect, Epoch: 2, Last: 30}}
		}), "", "suspect above revision 30"},
		{"an empty bucket", &timeline.Catalogue{}, "", "no timeline"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			var got []string
			var reason string
			for done, last := (drill.Task{}), false; !last && len(got) < 9; {
				if done, last, reason = drill.Pick(tc.bucket, done); reason != "" {
					break
				}
				got = append(got, fmt.Sprintf("%d–%d>%d", done.From, done.Revision, done.Known))
			}
			if strings.Join(got, " ") != tc.want || (reason == "") != (tc.says == "") || !strings.Contains(reason, tc.says) {
				t.Errorf("rebuilt %q, %q; want %q", got, reason, tc.want)
			}
		})
	}
}

// Whatever was verified, and not what is suspect.
func TestEveryStretchOfATimeline(t *testing.T) {
	for _, tc := range []struct {
		story  string
		change func(h *timeline.History)
		want   string
	}{
		{"all of it", func(*timeline.History) {}, "10–20 20–40"},
		{"verified before", func(h *timeline.History) { h.Verified = refs(snapshot.KindVerified, 40) }, "10–20 20–40"},
		{"suspect above its newest full", func(h *timeline.History) { h.Suspects = refs(snapshot.KindSuspect, 25) }, "10–20 20–25"},
		{"suspect from before that", func(h *timeline.History) { h.Suspects = refs(snapshot.KindSuspect, 15) }, "10–15"},
		{"nothing of it is good", func(h *timeline.History) { h.Suspects = refs(snapshot.KindSuspect, 0) }, ""},
		{"without a full", func(h *timeline.History) { h.Fulls = nil }, ""},
	} {
		h := bucket(func(h *timeline.History) {
			h.Fulls, h.Proofs = []timeline.Full{full(10), full(20)}, refs(snapshot.KindProof, 20)
			tc.change(h)
		}).Newest()
		var got []string
		for done, last, ok := (drill.Task{}), false, true; !last && len(got) < 9; {
			if done, last, ok = drill.Stretch(h, done); !ok {
				break
			}
			got = append(got, fmt.Sprintf("%d–%d", done.From, done.Revision))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %q", tc.story, got, tc.want)
		}
	}
}

// Where a timeline began meanwhile, the drill begins with that.
func TestADrillFollowsANewTimeline(t *testing.T) {
	task, last, reason := drill.Pick(bucket(func(*timeline.History) {}), drill.Task{Epoch: 1, Revision: 900})
	if task != (drill.Task{Epoch: 2, Revision: 40, From: 10}) || !last || reason != "" {
		t.Errorf("%+v, %v, %q", task, last, reason)
	}
}

func TestWhatIsCompared(t *testing.T) {
	fresh, others := drill.ToCompare(refs(snapshot.KindProof, 4, 10, 15, 20, 25, 41), drill.Task{Revision: 40, Known: 15}, snapshot.Ref{First: 5})
	if got, want := fmt.Sprint(fresh, others), fmt.Sprint(refs(snapshot.KindProof, 20, 25), refs(snapshot.KindProof, 15, 10)); got != want {
		t.Errorf("compared %s, want %s", got, want)
	}
}

func TestWhatTwoSidecarsSayTogether(t *testing.T) {
	at := func(rev int64) *proof.Recorded { return &proof.Recorded{Hash: proof.Hash{Revision: rev}} }
	for _, tc := range []struct {
		own, other, want *proof.Recorded
	}{{at(20), at(30), at(20)}, {at(30), at(20), at(20)}, {at(20), nil, nil}, {nil, at(20), nil}} {
		got := drill.Outcome{Proof: tc.own}.With(drill.Outcome{Proof: tc.other}).Proof
		if (got == nil) != (tc.want == nil) || got != nil && got.Revision != tc.want.Revision {
			t.Errorf("%v and %v agree with %v", tc.own, tc.other, got)
		}
	}
	for _, o := range []drill.Outcome{{Proof: at(30), Differs: at(30)}, {Proof: at(31), Differs: at(30)}} {
		if o.Sound() {
			t.Errorf("%+v cannot be", o)
		}
	}
	for _, o := range []drill.Outcome{{}, {Proof: at(30)}, {Differs: at(30)}, {Proof: at(29), Differs: at(30)}} {
		if !o.Sound() {
			t.Errorf("%+v can be", o)
		}
	}
}

func TestUpToWhereAHistoryThatDiffersIsGood(t *testing.T) {
	at := func(rev int64) *proof.Recorded { return &proof.Recorded{Hash: proof.Hash{Revision: rev}} }
	h := &timeline.History{Verified: []snapshot.Ref{{Last: 10}, {Last: 20}, {Last: 50}}}
	for _, tc := range []struct {
		story string
		o     drill.Outcome
		h     *timeline.History
		good  int64
	}{
		{"up to the newest proof that it agrees with", drill.Outcome{Proof: at(30), Differs: at(40)}, h, 30},
		{"it agrees with none: up to what was verified before", drill.Outcome{Differs: at(40)}, h, 20},
		{"what was verified at the very revision that differs counts no more", drill.Outcome{Differs: at(20)}, h, 10},
		{"the highest counts, in whatever order they are", drill.Outcome{Differs: at(40)}, &timeline.History{Verified: []snapshot.Ref{{Last: 20}, {Last: 10}}}, 20},
		{"it differs from none: up to all that was verified", drill.Outcome{}, h, 50},
		{"nothing was ever verified", drill.Outcome{Differs: at(40)}, &timeline.History{}, 0},
	} {
		if got := tc.o.Good(tc.h); got != tc.good {
			t.Errorf("%s: %d, want %d", tc.story, got, tc.good)
		}
	}
}

func TestADifferenceIsBelievedTwice(t *testing.T) {
	differs := func(revision int64, computed uint32) drill.Outcome {
		return drill.Outcome{Task: drill.Task{Epoch: 1, Revision: 9}, Differs: &proof.Recorded{Hash: proof.Hash{Revision: revision, HashKV: 7}}, Computed: computed}
	}
	first := differs(8, 5)
	for _, tc := range []struct {
		story  string
		second drill.Outcome
		want   bool
	}{
		{"the same again", differs(8, 5), true},
		{"it agrees now", drill.Outcome{Task: first.Task, Proof: first.Differs}, false},
		{"another history at the same revision", differs(8, 6), false},
		{"from another revision on", differs(6, 5), false},
		{"of another timeline", func() drill.Outcome { o := differs(8, 5); o.Epoch = 2; return o }(), false},
	} {
		if got := tc.second.Confirms(first); got != tc.want {
			t.Errorf("%s: confirmed: %v", tc.story, got)
		}
		if tc.second.Differs == nil && first.Confirms(tc.second) {
			t.Errorf("%s: one that agrees is confirmed as a difference", tc.story)
		}
	}
}

func TestOutcomesInWords(t *testing.T) {
	rec := &proof.Recorded{Hash: proof.Hash{Revision: 30, HashKV: 77}, MemberID: "a1"}
	for says, o := range map[string]drill.Outcome{
		"is not what the cluster had: member a1 answered HashKV 77": {Differs: rec, Computed: 78},
		"up to revision 30 it is what member a1 hashed":             {Proof: rec},
		"no hash of a live member is stored":                        {},
	} {
		if !strings.Contains(o.String(), says) {
			t.Errorf("%q lacks %q", o, says)
		}
	}
}

func TestRoom(t *testing.T) {
	if err := drill.Room("/spool", 300<<20, 150<<20); err != nil {
		t.Errorf("twice the database is enough: %v", err)
	}
	err := drill.Room("/spool", 299<<20, 150<<20)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "/spool") || !strings.Contains(err.Error(), "299.0 MiB are free, a drill wants 300.0 MiB") {
		t.Errorf("less than that: %v", err)
	}
	if err := drill.Room("/spool", 2<<30-1<<20, 1<<30); !strings.Contains(err.Error(), "1.0 MiB too little") {
		t.Errorf("a little less: %v", err)
	}
}

func TestWhereDrillsAreCarriedOut(t *testing.T) {
	member := func(name string, as role.Role, change func(m *health.Member)) health.Member {
		m := health.Member{Entry: heartbeat.Entry{Member: cluster.Member{Name: name}}, Healthy: true, Sidecar: &health.View{Role: as}}
		change(&m)
		return m
	}
	as := func(*health.Member) {}
	for _, tc := range []struct {
		story   string
		members []health.Member
		besides string
		want    string
	}{
		{"followers by name, never the leader itself", []health.Member{
			member("a", role.Leader, func(m *health.Member) { m.Own = true }), member("c", role.Follower, as), member("b", role.Follower, as)}, "", "b c"},
		{"never the own one, whatever its role", []health.Member{member("a", role.Follower, func(m *health.Member) { m.Own = true }), member("b", role.Follower, as)}, "", "b"},
		{"what one found, another confirms", []health.Member{member("c", role.Follower, as), member("b", role.Follower, as)}, "b", "c"},
		{"a learner first", []health.Member{member("b", role.Follower, as), member("c", role.Follower, func(m *health.Member) { m.Member.Learner = true })}, "", "c b"},
		{"none that is unwell, unknown or silent", []health.Member{
			member("b", role.Follower, func(m *health.Member) { m.Healthy = false }), member("c", role.Unknown, as),
			member("d", role.Follower, func(m *health.Member) { m.Sidecar = nil })}, "", ""},
		{"another that believes that it leads is left alone", []health.Member{member("b", role.Leader, as)}, "", ""},
		{"nobody else", []health.Member{member("a", role.Leader, func(m *health.Member) { m.Own = true })}, "", ""},
	} {
		t.Run(tc.story, func(t *testing.T) {
			var names []string
			for _, m := range drill.Places(health.Cluster{Members: tc.members}, tc.besides) {
				names = append(names, m.Member.Name)
			}
			if got := strings.Join(names, " "); got != tc.want {
				t.Errorf("Places = %q, want %q", got, tc.want)
			}
		})
	}
}
