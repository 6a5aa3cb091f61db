package drill_test

import (
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

// A history agrees with the first so many of n proofs, and some cannot be read.
func TestTheNewestProofThatAgreesIsFoundInFewSteps(t *testing.T) {
	for n := range 40 {
		for agreeing := range n + 1 {
			for broken := -1; broken < n; broken++ {
				left := make([]int, 0, n)
				for i := range n {
					left = append(left, i)
				}
				s, compared := drill.NewSearch(n), 0
				for i, more := s.Next(); more; i, more = s.Next() {
					if left[i] == broken {
						left = append(left[:i], left[i+1:]...)
						s.Gone()
						continue
					}
					compared++
					s.Found(i, left[i] < agreeing)
				}
				want := 0 // the first of what is left that differs
				for want < len(left) && left[want] < agreeing {
					want++
				}
				if i, ok := s.Agreed(); ok != (want > 0) || ok && i != want-1 {
					t.Fatalf("%d of %d agree, %d is broken: found %d, %v", agreeing, n, broken, i, ok)
				}
				if i, ok := s.Differs(); ok != (want < len(left)) || ok && i != want {
					t.Fatalf("%d of %d agree, %d is broken: differs from %d, %v", agreeing, n, broken, i, ok)
				}
				if compared > 8 || agreeing == n && n > 0 && broken != n-1 && compared != 1 {
					t.Fatalf("%d of %d agree: %d were compared", agreeing, n, compared)
				}
			}
		}
	}
}

func bucket(change func(h *timeline.History)) *timeline.Catalogue {
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 2}, Described: true,
		Fulls:  []timeline.Full{{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 2, First: 0, Last: 10}, Finished: true}},
		Deltas: []timeline.Delta{{Ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 2, First: 11, Last: 40}}}}
	change(&h)
	return &timeline.Catalogue{Timelines: []timeline.History{{Timeline: timeline.Timeline{Epoch: 1}}, h}}
}

func TestWhatIsRebuilt(t *testing.T) {
	for _, tc := range []struct {
		story  string
		bucket *timeline.Catalogue
		want   int64 // 0: nothing
		says   string
	}{
		{"the newest revision of the newest timeline", bucket(func(*timeline.History) {}), 40, ""},
		{"its base is pending", bucket(func(h *timeline.History) { h.Fulls = nil }), 0, "nothing of timeline 2"},
		{"it is suspect already", bucket(func(h *timeline.History) {
			h.Suspects = []snapshot.Ref{{Kind: snapshot.KindSuspect, Epoch: 2, Last: 30}}
		}), 0, "suspect above revision 30"},
		{"an empty bucket", &timeline.Catalogue{}, 0, "no timeline"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			task, reason := drill.Pick(tc.bucket)
			if task.Revision != tc.want || (reason == "") != (tc.want != 0) || !strings.Contains(reason, tc.says) || tc.want != 0 && task.Epoch != 2 {
				t.Errorf("Pick = %+v, %q", task, reason)
			}
		})
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

func TestWhatAnOutcomeRestsOn(t *testing.T) {
	agrees, differs := &proof.Recorded{MemberID: "a"}, &proof.Recorded{MemberID: "b"}
	for _, tc := range []struct {
		o    drill.Outcome
		want string
	}{
		{drill.Outcome{Proof: agrees, Differs: differs}, "ab"}, {drill.Outcome{Differs: differs}, "b"}, {drill.Outcome{}, ""},
	} {
		var got string
		for _, p := range tc.o.Claims() {
			got += p.MemberID
		}
		if got != tc.want {
			t.Errorf("%+v rests on %q, want %q", tc.o, got, tc.want)
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
