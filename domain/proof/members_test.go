package proof_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/proof"
)

// Three members at revision 200, of which the first leads.
func three(change func(ms []cluster.Candidate)) []cluster.Candidate {
	var out []cluster.Candidate
	for i, name := range []string{"leader", "second", "third"} {
		id := cluster.ID(i + 1)
		out = append(out, cluster.Candidate{Member: cluster.Member{ID: id, Name: name},
			Status: cluster.Status{MemberID: id, Leader: 1, Revision: 200}})
	}
	change(out)
	return out
}

var everybody = three(func([]cluster.Candidate) {})

// kept is the answer of a member that kept the hash of the compaction at 150 that
// followed one at 100, scanned one of a member that was started since.
func kept(id cluster.ID, sum uint32) proof.Answer {
	return proof.Answer{Member: everybody[id-1].Member, Hash: proof.Hash{Revision: 150, Compact: 100, HashKV: sum}}
}

func scanned(id cluster.ID, sum uint32) proof.Answer {
	return proof.Answer{Member: everybody[id-1].Member, Hash: proof.Hash{Revision: 150, Compact: 150, HashKV: sum}}
}

func failed(id cluster.ID) proof.Answer {
	return proof.Answer{Member: everybody[id-1].Member, Err: errors.New("it is away")}
}

func TestWhomToAsk(t *testing.T) {
	alone := func(ms []cluster.Candidate) { ms[1].Err, ms[2].Err = errors.New("down"), errors.New("down") }
	for _, tc := range []struct {
		story      string
		members    []cluster.Candidate
		answers    []proof.Answer
		ledThrough bool
		want       string // "" for nobody
	}{
		{"a follower first", everybody, nil, true, "second"},
		{"then the other", everybody, []proof.Answer{kept(2, 7)}, true, "third"},
		{"the leader last: it kept the hash, as it led when it was compacted", everybody, []proof.Answer{kept(2, 7), kept(3, 7)}, true, "leader"},
		{"a leader that may have been started since is not asked: it would scan", everybody, []proof.Answer{kept(2, 7), kept(3, 7)}, false, ""},
		{"all were asked", everybody, []proof.Answer{kept(2, 7), kept(3, 7), kept(1, 7)}, true, ""},
		{"a follower had to scan: nothing compares with that, and nobody else must", everybody, []proof.Answer{scanned(2, 7)}, true, ""},
		{"a follower did not answer", everybody, []proof.Answer{failed(2)}, true, "third"},
		{"no follower answered: the leader can be asked all the same", everybody, []proof.Answer{failed(2), failed(3)}, true, "leader"},
		{"a follower has not applied the revision yet", three(func(ms []cluster.Candidate) { ms[1].Status.Revision = 149 }), nil, true, "third"},
		{"a learner cannot be asked", three(func(ms []cluster.Candidate) { ms[1].Status.Learner = true }), nil, true, "third"},
		{"not even after the followers", three(func(ms []cluster.Candidate) { ms[1].Status.Learner = true }), []proof.Answer{kept(3, 7)}, true, "leader"},
		{"a member with the CORRUPT alarm is not", three(func(ms []cluster.Candidate) { ms[1].Status.Errors = []string{"alarm:CORRUPT"} }), nil, true, "third"},
		{"the leader alone", three(alone), nil, true, "leader"},
		{"the leader alone, started since", three(alone), nil, false, ""},
	} {
		t.Run(tc.story, func(t *testing.T) {
			got, ok := proof.Ask(tc.members, tc.answers, 150, tc.ledThrough)
			if ok != (tc.want != "") || got.Member.Name != tc.want {
				t.Errorf("asks %q, %v", got.Member.Name, ok)
			}
		})
	}
}

func TestWhatAnswersMean(t *testing.T) {
	other := kept(3, 7)
	other.Hash.Revision = 151
	above := kept(3, 7)
	above.Hash.Compact = 151
	for _, tc := range []struct {
		story   string
		answers []proof.Answer
		records int64        // compact revision of what is recorded; 0 for nothing
		agreed  []cluster.ID // with it
		differ  bool
		says    string
	}{
		{"one answer is a proof", []proof.Answer{kept(2, 7)}, 100, []cluster.ID{2}, false, ""},
		{"three that agree", []proof.Answer{kept(2, 7), kept(3, 7), kept(1, 7)}, 100, []cluster.ID{2, 3, 1}, false, ""},
		{"two that do not", []proof.Answer{kept(2, 7), kept(3, 8)}, 0, nil, true, "disagree"},
		{"one of three does not", []proof.Answer{kept(2, 7), kept(3, 7), kept(1, 8)}, 0, nil, true, "disagree"},
		{"a scan is of another compact revision and compares with nothing", []proof.Answer{kept(2, 7), scanned(3, 8)}, 100, []cluster.ID{2}, false, ""},
		{"a scan alone is a proof too", []proof.Answer{scanned(2, 7)}, 150, []cluster.ID{2}, false, ""},
		{"most members count", []proof.Answer{kept(1, 7), scanned(2, 8), scanned(3, 8)}, 150, []cluster.ID{2, 3}, false, ""},
		{"two scans that disagree spoil what others agree on", []proof.Answer{scanned(1, 7), scanned(2, 8), kept(3, 9)}, 0, nil, true, "disagree"},
		{"nobody was asked", nil, 0, nil, false, "no member"},
		{"nobody answered", []proof.Answer{failed(2)}, 0, nil, false, "it is away"},
		{"who did not answer does not disagree", []proof.Answer{failed(2), kept(3, 7)}, 100, []cluster.ID{3}, false, ""},
		{"an answer for another revision is none", []proof.Answer{other}, 0, nil, false, "asked was revision 150"},
		{"nor is one that was computed above it", []proof.Answer{above}, 0, nil, false, "asked was revision 150"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			got := proof.Weigh(tc.answers, 150)
			if (got.Answer != nil) != (tc.records != 0) || got.Answer != nil && got.Answer.Hash.Compact != tc.records {
				t.Errorf("records %+v", got.Answer)
			}
			if !slices.Equal(got.Agreed, tc.agreed) || (got.Differ != nil) != tc.differ || !strings.Contains(got.Reason, tc.says) {
				t.Errorf("Weigh = %+v", got)
			}
		})
	}
	t.Run("never compacted before is -1 and 0", func(t *testing.T) {
		a, b := kept(2, 7), kept(3, 8)
		a.Hash.Compact, b.Hash.Compact = -1, 0
		if got := proof.Weigh([]proof.Answer{a, b}, 150); got.Differ == nil {
			t.Errorf("Weigh = %+v", got)
		}
	})
	t.Run("a disagreement names who said what", func(t *testing.T) {
		d := proof.Weigh([]proof.Answer{kept(2, 77), kept(3, 88)}, 150).Differ
		for _, part := range []string{"second", "third", "77", "88", "revision 150", "compacted at 100"} {
			if !strings.Contains(d.Detail, part) {
				t.Errorf("%q lacks %q", d.Detail, part)
			}
		}
		if !slices.Equal(d.Members, []cluster.ID{2, 3}) {
			t.Errorf("members %v", d.Members)
		}
	})
}

func TestADisagreementIsOver(t *testing.T) {
	members := func(ids ...cluster.ID) (out []cluster.Member) {
		for _, id := range ids {
			out = append(out, cluster.Member{ID: id})
		}
		return out
	}
	d := proof.Disagreement{Members: []cluster.ID{2, 3}}
	for _, tc := range []struct {
		story   string
		agreed  []cluster.ID
		members []cluster.Member
		over    bool
	}{
		{"both agree", []cluster.ID{2, 3}, members(1, 2, 3), true},
		{"one of them was down when others agreed", []cluster.ID{1, 2}, members(1, 2, 3), false},
		{"it was removed from the cluster", []cluster.ID{1, 2}, members(1, 2), true},
		{"it was replaced, and its successor was not asked", []cluster.ID{1, 2}, members(1, 2, 4), true},
		{"nobody answered", nil, members(4, 5), false},
	} {
		t.Run(tc.story, func(t *testing.T) {
			if got := d.Over(tc.agreed, tc.members); got != tc.over {
				t.Errorf("Over = %v", got)
			}
		})
	}
}
