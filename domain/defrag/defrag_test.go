package defrag_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// three members; m2 leads.
func three() defrag.State {
	s := defrag.State{Lag: 100, Wanted: func(s cluster.Status) (bool, string) {
		return s.DBSize > 2*s.DBInUse, fmt.Sprintf("%d of %d bytes are in use", s.DBInUse, s.DBSize)
	}}
	for id := cluster.ID(1); id <= 3; id++ {
		s.Members = append(s.Members, cluster.Candidate{
			Member: cluster.Member{ID: id, Name: "m" + id.String()},
			Status: cluster.Status{MemberID: id, Leader: 2, Version: "3.6.16", RaftApplied: 1000, DBSize: 500, DBInUse: 100},
		})
	}
	return s
}

// told is a plan as a line: what is done in order, "-" before what is not.
func told(p defrag.Plan) string {
	var out []string
	for _, s := range p.Steps {
		name := s.Member.Member.Name
		if s.Skip {
			name = "-" + name
		}
		if s.Leads {
			name += "*"
		}
		if s.MoveTo != 0 {
			name += ">m" + s.MoveTo.String()
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func TestPlan(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(s *defrag.State)
		order   string
		refused string
	}{
		{"followers first, the leader last", func(*defrag.State) {}, "m1 m3 m2*", ""},
		{"a member that is dense is left alone", func(s *defrag.State) { s.Members[0].Status.DBInUse = 400 }, "-m1 m3 m2*", ""},
		{"a learner is left alone", func(s *defrag.State) {
			s.Members[2].Member.Learner, s.Members[2].Status.Learner = true, true
		}, "m1 -m3 m2*", ""},
		{"a full is being read from one", func(s *defrag.State) { s.Streaming = 1 }, "-m1 m3 m2*", ""},
		{"a single member serves nobody meanwhile", func(s *defrag.State) { s.Members = s.Members[1:2] }, "m2*", "singleMember"},
		{"a single member, and that is allowed", func(s *defrag.State) { s.Members, s.Single = s.Members[1:2], true }, "m2*", ""},
		{"a single voter beside a learner is single", func(s *defrag.State) {
			s.Members = s.Members[:2]
			s.Members[0].Member.Learner, s.Members[0].Status.Learner = true, true
		}, "-m1 m2*", "singleMember"},
		{"two URLs of one member count once", func(s *defrag.State) { s.Members = append(s.Members, s.Members[0], s.Members[1]) }, "m1 m3 m2*", ""},
		{"of two URLs of one member the one that answers counts", func(s *defrag.State) {
			silent := s.Members[0]
			silent.Err, silent.Status = errors.New("refused"), cluster.Status{}
			s.Members = append([]cluster.Candidate{silent}, s.Members...)
		}, "m1 m3 m2*", ""},
		{"one was done by this run", func(s *defrag.State) { s.Done = map[cluster.ID]string{1: "done"} }, "-m1 m3 m2*", ""},
		{"another member leads than the sidecar's own", func(s *defrag.State) { s.Own = 3 }, "m1 m3 m2*", "not the own one"},
		{"only one is asked for", func(s *defrag.State) { s.Scope.Only = 3 }, "-m1 m3 -m2*", ""},
		{"only one is asked for, and it does not exist", func(s *defrag.State) { s.Scope.Only = 9 }, "-m1 -m3 -m2*", "no member 9"},
		{"all are asked for, dense or not", func(s *defrag.State) {
			s.Members[0].Status.DBInUse, s.Scope.All = 400, true
		}, "m1 m3 m2*", ""},
		{"out of space, whoever has a twentieth to give back is done", func(s *defrag.State) {
			s.Members[0].Status.DBInUse, s.Members[2].Status.DBInUse, s.Scope.NoSpace = 474, 475, true
		}, "m1 -m3 m2*", ""},
		{"a member that lags a little", func(s *defrag.State) { s.Members[0].Status.RaftApplied = 900 }, "m1 m3 m2*", ""},
		{"a member that lags", func(s *defrag.State) { s.Members[0].Status.RaftApplied = 899 }, "m1 m3 m2*", "caught up"},
		{"a member that is down", func(s *defrag.State) { s.Members[0].Err = errors.New("refused") }, "-m1 m3 m2*", "m1 does not answer"},
		{"the leader is down", func(s *defrag.State) { s.Members[1].Err = errors.New("refused") }, "m1 -m2 m3", "no member says"},
		{"an election", func(s *defrag.State) { s.Members[2].Status.Leader = 0 }, "m1 m3 m2*", "election"},
		{"two lead", func(s *defrag.State) { s.Members[2].Status.Leader = 3 }, "m1 m2* m3*", "2 members"},
		{"the CORRUPT alarm", func(s *defrag.State) { s.Members[2].Status.Errors = []string{"memberID:3 alarm:CORRUPT"} }, "m1 m3 m2*", "CORRUPT"},
		{"the NOSPACE alarm is a reason to, not against", func(s *defrag.State) { s.Members[2].Status.Errors = []string{"memberID:3 alarm:NOSPACE"} }, "m1 m3 m2*", ""},
		{"the backup is stale", func(s *defrag.State) { s.Backup = "an hour old" }, "m1 m3 m2*", "an hour old"},
		{"a release that damages", func(s *defrag.State) { s.Members[0].Status.Version = "3.5.22" }, "m1 m3 m2*", "3.5.23"},
		{"nobody is known", func(s *defrag.State) { s.Members = nil }, "", "no member says"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := three()
			tc.change(&s)
			p := defrag.Make(s)
			if got := told(p); got != tc.order {
				t.Errorf("order %q, want %q", got, tc.order)
			}
			if (p.Refused == "") != (tc.refused == "") || !strings.Contains(p.Refused, tc.refused) {
				t.Errorf("refused: %q, want %q in it", p.Refused, tc.refused)
			}
			for _, step := range p.Steps {
				if step.Reason == "" {
					t.Errorf("%s has no reason", step.Member.Member.Name)
				}
			}
		})
	}
}

// The leader holds up the whole cluster: with a stall that is long it gives the
// lead to a follower that is dense by then.
func TestTheLead(t *testing.T) {
	slow := defrag.History{2: {Bytes: 100, Took: 3 * time.Second}} // m2 took 3 s for what it has
	for _, tc := range []struct {
		name   string
		change func(s *defrag.State)
		order  string
		says   string // in the leader's reason
	}{
		{"a short stall is borne", func(s *defrag.State) { s.History = nil }, "m1 m3 m2*", "keeps the lead"},
		{"a long one moves the lead", func(*defrag.State) {}, "m1 m3 m2*>m1", "by its last run"},
		{"to whom has applied most", func(s *defrag.State) { s.Members[2].Status.RaftApplied = 1001 }, "m1 m3 m2*>m3", "m3 first"},
		{"but rather to one that is dense", func(s *defrag.State) {
			s.Scope.Only, s.Members[0].Status.RaftApplied, s.Members[2].Status.DBInUse = 2, 1001, 400
		}, "-m1 -m3 m2*>m3", "defragmented by then"},
		{"to one that is not, if there is no other", func(s *defrag.State) { s.Scope.Only = 2 }, "-m1 -m3 m2*>m1", "not defragmented"},
		{"not to whom a full is read from", func(s *defrag.State) { s.Streaming = 1 }, "-m1 m3 m2*>m3", ""},
		{"not to a learner", func(s *defrag.State) { s.Members[0].Member.Learner = true }, "-m1 m3 m2*>m3", ""},
		{"nobody can take it", func(s *defrag.State) { s.Members, s.Single = s.Members[1:2], true }, "m2*", "no other member"},
		{"it is not to be moved", func(s *defrag.State) { s.Lead.Move = false }, "m1 m3 m2*", "takes no writes"},
		{"a dense leader keeps it", func(s *defrag.State) { s.Members[1].Status.DBInUse = 400 }, "m1 m3 -m2*", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := three()
			s.History, s.Lead = slow, defrag.Lead{Move: true, Above: time.Second}
			tc.change(&s)
			p := defrag.Make(s)
			if got := told(p); got != tc.order || p.Refused != "" {
				t.Errorf("order %q (%s), want %q", got, p.Refused, tc.order)
			}
			if last := p.Steps[len(p.Steps)-1]; !strings.Contains(last.Reason, tc.says) {
				t.Errorf("reason %q does not say %q", last.Reason, tc.says)
			}
		})
	}
}

func TestExpectedStall(t *testing.T) {
	const mib = 1 << 20
	h := defrag.History{1: {Bytes: 100 * mib, Took: time.Second}, 2: {Bytes: 100 * mib, Took: 4 * time.Second}, 3: {}}
	for _, tc := range []struct {
		name    string
		history defrag.History
		member  cluster.ID
		inUse   int64
		want    time.Duration
		basis   string
	}{
		{"nobody was seen yet", nil, 1, 200 * mib, 2 * time.Second, "100 MiB/s"},
		{"its own last run", h, 1, 200 * mib, 2 * time.Second, "its last run"},
		{"the slowest of the others'", h, 9, 200 * mib, 8 * time.Second, "another member's"},
		{"a run that says nothing", h, 3, 200 * mib, 8 * time.Second, "another member's"},
		{"nothing in use", h, 1, 0, 0, ""},
		{"nonsense", h, 1, -5, 0, ""},
		{"more than anything", h, 2, 1 << 60, defrag.LongestTimeout, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, basis := tc.history.Expect(tc.member, tc.inUse)
			if got != tc.want || !strings.Contains(basis, tc.basis) {
				t.Errorf("%s (%s), want %s", got, basis, tc.want)
			}
		})
	}
}

func TestTheTimeoutGrows(t *testing.T) {
	for _, tc := range []struct {
		size int64
		want time.Duration
	}{{-1, time.Minute}, {0, time.Minute}, {800 << 20, time.Minute + 100*time.Second}, {8 << 30, time.Minute + 1024*time.Second}, {1 << 62, defrag.LongestTimeout}} {
		if got := defrag.Timeout(tc.size); got != tc.want {
			t.Errorf("%d bytes: %s, want %s", tc.size, got, tc.want)
		}
	}
	if defrag.LongestTimeout > role.Longest {
		t.Error("a member may take longer than it may be announced to be busy")
	}
}

func TestDisarm(t *testing.T) {
	members := func(change func(ms []cluster.Candidate)) []cluster.Candidate {
		ms := three().Members
		for i := range ms {
			ms[i].Status.DBQuota = 1000
		}
		change(ms)
		return ms
	}
	for _, tc := range []struct {
		name   string
		change func(ms []cluster.Candidate)
		quota  int64
		ok     bool
		says   string
	}{
		{"there is room everywhere", func([]cluster.Candidate) {}, 0, true, "80 %"},
		{"one is full still", func(ms []cluster.Candidate) { ms[1].Status.DBSize = 800 }, 0, false, "m2 uses 80 %"},
		{"one is nearly full", func(ms []cluster.Candidate) { ms[1].Status.DBSize = 799 }, 0, true, ""},
		{"one does not answer", func(ms []cluster.Candidate) { ms[0].Err = errors.New("refused") }, 0, false, "m1 does not answer"},
		{"a quota is not known", func(ms []cluster.Candidate) { ms[2].Status.DBQuota = 0 }, 0, false, "defrag.quota"},
		{"a quota was told", func(ms []cluster.Candidate) { ms[2].Status.DBQuota = 0 }, 1000, true, ""},
		{"what a member says wins over what was told", func(ms []cluster.Candidate) { ms[2].Status.DBQuota = 500 }, 1 << 40, false, "m3 uses 100 %"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if ok, why := defrag.Disarm(members(tc.change), 80, tc.quota); ok != tc.ok || !strings.Contains(why, tc.says) {
				t.Errorf("%v (%s)", ok, why)
			}
		})
	}
	if ok, _ := defrag.Disarm(nil, 80, 0); ok {
		t.Error("disarmed for members that are not known")
	}
}

func TestWhenItIsTriedAgainForWantOfSpace(t *testing.T) {
	began := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	using := func(inUse int64) cluster.Status {
		return cluster.Status{Errors: []string{"memberID:1 alarm:NOSPACE"}, DBSize: 1000, DBInUse: inUse}
	}
	if !(defrag.NoSpaceTry{}).Due(using(1000), began) || (defrag.NoSpaceTry{}).Due(cluster.Status{DBSize: 1000}, began) {
		t.Error("the first try is due when the alarm is raised, and only then")
	}
	for _, tc := range []struct {
		name  string
		after int64 // in use once the run was over
		now   int64 // in use now
		later time.Duration
		due   bool
	}{
		{"it did not help just now", 1000, 1000, 29 * time.Minute, false},
		{"it did not help half an hour ago", 1000, 1000, 30 * time.Minute, true},
		{"it failed, and as much is free as before", 600, 600, 29 * time.Minute, false},
		{"a few pages are always free", 1000, 950, 29 * time.Minute, false},
		{"something was compacted since", 1000, 900, 2 * time.Minute, true},
		{"it failed, and more was compacted since", 600, 500, 2 * time.Minute, true},
		{"right after the run", 1000, 900, time.Minute, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			try := defrag.TryNoSpace(using(600), began).Seen(using(tc.after)).Seen(using(tc.now))
			if got := try.Due(using(tc.now), began.Add(tc.later)); got != tc.due {
				t.Errorf("due: %v, want %v", got, tc.due)
			}
		})
	}
}

func TestAHandoverGetsOld(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	h := defrag.Handover{Run: defrag.Run{ID: "r1"}, Member: 2, Reason: "left over"}
	if ok, why := h.Open(at, at.Add(defrag.HandoverLasts)); !ok || why != "left over" {
		t.Errorf("%v (%s)", ok, why)
	}
	if ok, why := h.Open(at, at.Add(defrag.HandoverLasts+time.Second)); ok || !strings.Contains(why, "next plan") {
		t.Errorf("%v (%s)", ok, why)
	}
}

// A run keeps what it did, and follows the plan for the rest.
func TestARunFollowsItsPlans(t *testing.T) {
	s := three()
	r := defrag.Run{Outcome: defrag.Running}.Follow(defrag.Make(s))
	r = r.With(1, func(x *defrag.Result) { x.Stage, x.After = defrag.Dense, defrag.Size{DB: 120} })
	s.Done = map[cluster.ID]string{1: "done"}
	s.Members[2].Status.DBInUse = 499
	before := r
	r = r.Follow(defrag.Make(s))
	var got []string
	for _, x := range r.Results {
		got = append(got, fmt.Sprintf("%s %s %d", x.Member.Name, x.Stage, x.Freed()))
	}
	if want := "m1 defragmented 380, m3 left alone 0, m2 waits 0"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", strings.Join(got, ", "), want)
	}
	if r.Freed() != 380 || before.Results[1].Stage != defrag.Waits {
		t.Errorf("freed %d; the run before: %+v", r.Freed(), before.Results)
	}
	r.Outcome, r.Reason = defrag.Stopped, "m3 died"
	if got := r.Summary(); !strings.Contains(got, "1 of 3") || !strings.Contains(got, "m3 died") {
		t.Error(got)
	}
}

// A stall that would outlast the window is not begun.
func TestAMemberIsBegunOnlyWhereItFitsIntoTheWindow(t *testing.T) {
	night, err := schedule.ParseWindow("01:00-05:00")
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 1, hour, minute, 0, 0, time.UTC) }
	for _, tc := range []struct {
		story string
		w     schedule.Window
		now   time.Time
		says  string // empty: it may be begun
	}{
		{"there is time enough", night, at(4, 54), ""},
		{"it would take just to the end", night, at(4, 55), "closes in 5m0s"},
		{"it would take beyond it", night, at(4, 56), "closes in 4m0s"},
		{"it is over", night, at(5, 0), "is closed"},
		{"always is time enough", schedule.Window{}, at(5, 0), ""},
	} {
		if ok, reason := defrag.Fits(tc.w, tc.now, 5*time.Minute); ok != (tc.says == "") || !strings.Contains(reason, tc.says) {
			t.Errorf("%s: %v, %q", tc.story, ok, reason)
		}
	}
}

func TestARunEnds(t *testing.T) {
	running := defrag.Run{Outcome: defrag.Running}.Follow(defrag.Make(three()))
	running = running.With(1, func(x *defrag.Result) { x.Stage = defrag.Dense })
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := running.End(defrag.Stopped, "why", at)
	if r.Outcome != defrag.Stopped || r.Reason != "why" || !r.Ended.Equal(at) || r.Results[0].Stage != defrag.Dense || r.Results[1].Stage != defrag.Left {
		t.Errorf("%+v", r)
	}
	if running.Outcome != defrag.Running || running.Results[1].Stage != defrag.Waits {
		t.Errorf("the run before was changed: %+v", running)
	}
}

func TestNothingIsNextWhileAPlanIsRefused(t *testing.T) {
	s := three()
	if step, ok := defrag.Make(s).Next(); !ok || step.Member.Member.ID != 1 {
		t.Errorf("%+v, %v", step, ok)
	}
	s.Done = map[cluster.ID]string{1: "done"}
	if step, ok := defrag.Make(s).Next(); !ok || step.Member.Member.ID != 3 {
		t.Errorf("after the first: %+v, %v", step, ok)
	}
	s.Done = map[cluster.ID]string{1: "done", 2: "done", 3: "done"}
	if step, ok := defrag.Make(s).Next(); ok {
		t.Errorf("after all: %+v", step)
	}
	s = three()
	s.Backup = "the backup is behind"
	if step, ok := defrag.Make(s).Next(); ok {
		t.Errorf("refused, and yet %+v", step)
	}
}

func TestReleases(t *testing.T) {
	for version, safe := range map[string]bool{
		"3.3.27": false, "3.4.37": false, "3.4.38": true, "3.5.22": false, "3.5.23": true, "3.6.4": false, "3.6.5": true,
		"3.6.0-rc.1": false, "3.7.0": true, "3.7.3": true, "4.0.0": true, "2.3.8": false, "": false, "newest": false,
	} {
		s := three()
		s.Members[2].Status.Version = version
		if p := defrag.Make(s); (p.Refused == "") != safe {
			t.Errorf("%q: %q", version, p.Refused)
		}
	}
}

// Whatever the cluster looks like: every member has one step with its reason,
// nobody comes after the leader, learners and members that do not answer are left
// alone, and a plan that is not refused is one that can be carried out.
func TestAnyCluster(t *testing.T) {
	refused, moved := 0, 0
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := random(rng)
		p := defrag.Make(s)
		if p.Refused != "" {
			refused++
			if _, ok := p.Next(); ok {
				t.Fatalf("seed %d: a refused plan has a next step", seed)
			}
		}
		led, seen := false, map[cluster.ID]bool{}
		for _, step := range p.Steps {
			m := step.Member
			switch {
			case seen[m.Member.ID]:
				t.Fatalf("seed %d: %s comes twice: %s", seed, m.Member.Name, told(p))
			case led && !step.Leads:
				t.Fatalf("seed %d: somebody comes after the leader: %s", seed, told(p))
			case step.Reason == "":
				t.Fatalf("seed %d: %s has no reason", seed, m.Member.Name)
			case !step.Skip && (m.Err != nil || m.Member.Learner || m.Member.ID == s.Streaming || s.Done[m.Member.ID] != ""):
				t.Fatalf("seed %d: %s is to be defragmented: %s", seed, m.Member.Name, told(p))
			case step.MoveTo != 0 && (!step.Leads || step.Skip || step.MoveTo == m.Member.ID || !mayLead(s, step.MoveTo)):
				t.Fatalf("seed %d: the lead moves to %s: %s", seed, step.MoveTo, told(p))
			}
			led, seen[m.Member.ID] = led || step.Leads, true
			if step.MoveTo != 0 {
				moved++
			}
		}
		for _, m := range s.Members {
			if !seen[m.Member.ID] {
				t.Fatalf("seed %d: %s has no step", seed, m.Member.Name)
			}
			if p.Refused == "" && (m.Err != nil || m.Status.Corrupt() || m.Status.RaftApplied+s.Lag < p.Steps[len(p.Steps)-1].Member.Status.RaftApplied) {
				t.Fatalf("seed %d: not refused with %+v", seed, m)
			}
		}
	}
	if refused == 0 || refused == 5000 || moved == 0 {
		t.Errorf("%d of 5000 refused, %d moves: the random clusters show nothing", refused, moved)
	}
}

// mayLead reports whether a member votes, answers, and has no full read from it.
func mayLead(s defrag.State, id cluster.ID) bool {
	for _, m := range s.Members {
		if m.Member.ID == id {
			return m.Err == nil && !m.Member.Learner && id != s.Streaming
		}
	}
	return false
}

// random is a cluster that is well more often than not.
func random(rng *rand.Rand) defrag.State {
	seldom := func() bool { return rng.IntN(12) == 0 }
	s := three()
	s.Lag, s.Single = 100, rng.IntN(2) == 0
	s.Lead = defrag.Lead{Move: rng.IntN(2) == 0, Above: time.Duration(rng.IntN(5)) * time.Microsecond}
	s.Members = s.Members[:1+rng.IntN(3)]
	leader := cluster.ID(1 + rng.IntN(len(s.Members)))
	for i := range s.Members {
		m := &s.Members[i]
		m.Status.Leader, m.Status.DBInUse = leader, rng.Int64N(500)
		m.Member.Learner = m.Member.ID != leader && rng.IntN(4) == 0
		if seldom() {
			m.Status.Leader = cluster.ID(rng.IntN(4))
		}
		if seldom() {
			m.Status.RaftApplied = 800
		}
		if seldom() {
			m.Status.Errors = []string{"memberID:3 alarm:CORRUPT"}
		}
		if seldom() {
			m.Err = errors.New("refused")
		}
	}
	if seldom() {
		s.Streaming = cluster.ID(1 + rng.IntN(3))
	}
	if seldom() {
		s.Done = map[cluster.ID]string{cluster.ID(1 + rng.IntN(3)): "done"}
	}
	s.Scope.All = seldom()
	rng.Shuffle(len(s.Members), func(i, j int) { s.Members[i], s.Members[j] = s.Members[j], s.Members[i] })
	return s
}
