package cluster_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	others "github.com/revkeeper/revkeeper/application/cluster"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/tests/fake"
)

const home = cluster.ID(0xc0de)

// world is a cluster of three, m1 leading, seen by the sidecar of m2. It plays
// etcd and the other sidecars.
type world struct {
	beats *fake.Heartbeats

	mu        sync.Mutex
	own       health.View
	members   []cluster.Member
	status    map[cluster.ID]cluster.Status
	listErr   error
	views     map[string]health.View // by address
	announced []string
	withdrawn []string
	promoted  []cluster.ID
	refusal   error
	events    []event.Event
}

func newWorld() *world {
	w := &world{beats: fake.NewHeartbeats(), status: map[cluster.ID]cluster.Status{}, views: map[string]health.View{}}
	for id := cluster.ID(1); id <= 3; id++ {
		name := "m" + id.String()
		s := cluster.Status{ClusterID: home, MemberID: id, Leader: 1, RaftApplied: 10_000}
		as := role.Follower
		if id == s.Leader {
			as = role.Leader
		}
		v := health.View{Name: name, Role: as, Member: s, SeenAt: time.Now(), Fresh: health.Freshness{Fresh: true},
			Heartbeat: heartbeat.State{Status: heartbeat.Renewed}}
		w.members = append(w.members, cluster.Member{ID: id, Name: name})
		w.status[id], w.views["http://"+name] = s, v
		w.beats.Put(heartbeat.Beat{Card: heartbeat.Card{Name: name, ClusterID: home, MemberID: id, Address: "http://" + name}}, time.Second)
	}
	w.own = w.views["http://m2"]
	return w
}

func (w *world) View() health.View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.own
}

func (w *world) Observe(e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// etcd is the cluster as etcd tells of it.
func (w *world) Members(context.Context) ([]cluster.Member, error) { return w.members, w.listErr }

func (w *world) MemberStatus(_ context.Context, m cluster.Member) (cluster.Status, error) {
	return w.status[m.ID], nil
}

func (w *world) Promote(_ context.Context, id cluster.ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal != nil {
		return w.refusal
	}
	w.promoted = append(w.promoted, id)
	w.own.Member.Learner = false
	return nil
}

func (w *world) Head(context.Context) (chain.Head, error)    { return chain.Head{}, nil }
func (w *world) Auth(context.Context) (snapshot.Auth, error) { return snapshot.Auth{}, nil }
func (w *world) LeaseTTL(context.Context, int64) (snapshot.Lease, error) {
	return snapshot.Lease{}, nil
}

// sidecars answers for the other sidecars.
type sidecars struct{ *world }

func (s sidecars) View(ctx context.Context, address string) (health.View, error) {
	v, ok := s.views[address]
	if !ok {
		<-ctx.Done() // a host that keeps silent
		return health.View{}, fault.Wrap(fault.Unavailable, "ask sidecar", address, ctx.Err())
	}
	return v, nil
}

func (s sidecars) Announce(_ context.Context, address string, m cluster.ID, reason string, during time.Duration) (string, error) {
	s.announced = append(s.announced, strings.Join([]string{address, m.String(), reason, during.String()}, " "))
	return "id7", s.refusal
}

func (s sidecars) TakeOver(_ context.Context, address string, h defrag.Handover) error {
	s.announced = append(s.announced, address+" takes over "+h.Member.String()+" of "+h.Run.ID)
	return s.refusal
}

func (s sidecars) Drill(_ context.Context, address string, t drill.Task) (drill.Outcome, error) {
	return drill.Outcome{Task: t, Base: address}, s.refusal
}

func (s sidecars) Withdraw(ctx context.Context, address, id string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.withdrawn = append(s.withdrawn, address+" "+id)
	return nil
}

func (w *world) membersOf() *others.Members { return others.NewMembers(w, w, w.beats, sidecars{w}) }

func TestADrillGoesToTheMembersSidecar(t *testing.T) {
	w := newWorld()
	m := w.membersOf()
	c, err := m.Cluster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range c.Members {
		out, err := m.Drill(t.Context(), member, drill.Task{Epoch: 2, Revision: 9})
		if err != nil || out.Base != "http://"+member.Member.Name || out.Revision != 9 {
			t.Errorf("%s: %+v, %v", member.Member.Name, out, err)
		}
	}
	stranger := health.Member{Entry: heartbeat.Entry{Member: cluster.Member{ID: 9, Name: "m9"}}}
	if _, err := m.Drill(t.Context(), stranger, drill.Task{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a member without a heartbeat: %v", err)
	}
}

func TestAllMembersAreSeen(t *testing.T) {
	w := newWorld()
	m := w.membersOf()
	found, err := m.Cluster(t.Context())
	if err != nil || !found.Healthy || len(found.Members) != 3 || found.ID != home {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, member := range found.Members {
		if member.Own != (i == 1) || member.Sidecar == nil || member.Sidecar.Name != member.Member.Name || member.Beat == nil {
			t.Errorf("%+v", member)
		}
	}
	if last := m.Last(); len(last.Members) != 3 {
		t.Errorf("what is remembered: %+v", last)
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *world)
		says   string
	}{
		{"a sidecar keeps silent", func(w *world) { delete(w.views, "http://m3") }, "m3: its sidecar does not answer"},
		{"a heartbeat is missing", func(w *world) { w.beats.Remove("m3") }, "it has no heartbeat"},
		{"an address leads to another sidecar", func(w *world) { w.views["http://m3"] = w.views["http://m1"] }, "sidecar of member 1 answers"},
		{"a sidecar listens for its own host only", func(w *world) {
			w.beats.Put(heartbeat.Beat{Card: heartbeat.Card{Name: "m3", ClusterID: home, MemberID: 3}}, 0)
		}, "names no address"},
		{"heartbeats cannot be read", func(w *world) { w.beats.Fail(errors.New("forbidden")) }, "m1: it has no heartbeat"},
		{"there is no quorum", func(w *world) { w.listErr = errors.New("no quorum") }, "no quorum"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				tc.change(w)
				began := time.Now()
				found, _ := w.membersOf().Cluster(t.Context())
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
				if found.Healthy || !strings.Contains(strings.Join(found.Reasons, "; "), tc.says) {
					t.Errorf("healthy %v: %q", found.Healthy, found.Reasons)
				}
			})
		})
	}
}

func TestWithoutAListTheOwnMemberIsShown(t *testing.T) {
	w := newWorld()
	w.listErr = errors.New("no quorum")
	found, err := w.membersOf().Cluster(t.Context())
	if err == nil || len(found.Members) != 1 || !found.Members[0].Own || found.Members[0].Member.Name != "m2" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestTheLeadersAddress(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *world)
		want   string // empty for none
	}{
		{"it is known", func(*world) {}, "http://m1"},
		{"etcd has no leader", func(w *world) { w.own.Member.Leader = 0 }, ""},
		{"the leader has no heartbeat", func(w *world) { w.beats.Remove("m1") }, ""},
		{"only a heartbeat of before a restore", func(w *world) {
			w.beats.Put(heartbeat.Beat{Card: heartbeat.Card{Name: "m1", ClusterID: 0xdead, MemberID: 1, Address: "http://old"}}, 0)
		}, ""},
		{"the leader is no member", func(w *world) { w.own.Member.Leader = 9 }, ""},
		{"the own member leads, and the role is not taken yet", func(w *world) { w.own.Member.Leader = 2 }, ""},
		{"the own member is down, and another leads by now", func(w *world) {
			w.own.Role = role.Unknown
			w.status[3] = cluster.Status{ClusterID: home, MemberID: 3, Leader: 3, RaftTerm: 8}
		}, "http://m3"},
		{"the own member is down, and nobody leads", func(w *world) {
			w.own.Role = role.Unknown
			clear(w.status)
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld()
			tc.change(w)
			got, err := w.membersOf().Leader(t.Context())
			if got != tc.want || (err == nil) != (tc.want != "") || err != nil && !errors.Is(err, fault.Unavailable) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// While etcd is out of space a lost heartbeat cannot be taken again.
func TestASuspendedMemberIsAskedWhereItWas(t *testing.T) {
	w := newWorld()
	m := w.membersOf()
	if found, _ := m.Cluster(t.Context()); !found.Healthy {
		t.Fatalf("%+v", found.Reasons)
	}
	w.beats.Remove("m1")
	v := w.views["http://m1"]
	v.Heartbeat = heartbeat.State{Status: heartbeat.Suspended, Detail: heartbeat.NoSpace}
	w.views["http://m1"] = v
	if found, _ := m.Cluster(t.Context()); !found.Healthy {
		t.Errorf("%+v", found.Reasons)
	}
	if at, err := m.Leader(t.Context()); at != "http://m1" {
		t.Errorf("the leader is at %q, %v", at, err)
	}
}

func TestWhoHangsUpChangesNothing(t *testing.T) {
	w := newWorld()
	m := w.membersOf()
	if _, err := m.Cluster(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.listErr = context.Canceled
	if _, err := m.Cluster(ctx); err == nil {
		t.Error("no error")
	}
	if last := m.Last(); len(last.Members) != 3 || !last.Healthy {
		t.Errorf("%+v", last)
	}
	if member, ok := m.Listed(3); !ok || member.Name != "m3" {
		t.Errorf("%+v, %v", member, ok)
	}
}

// self takes announcements of the own member.
type self struct{ open int }

func (s *self) Announce(cluster.ID, string, time.Time) func() {
	s.open++
	return func() { s.open-- }
}

func TestAnnouncementsReachTheMembersSidecar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, own := newWorld(), &self{}
		a := others.NewAnnouncer(own, w.membersOf(), w)
		done := a.Busy(t.Context(), 2, "HashKV", time.Now().Add(time.Minute))
		if own.open != 1 || len(w.announced) != 0 {
			t.Errorf("of the own member: %d open, %q", own.open, w.announced)
		}
		if done(); own.open != 0 {
			t.Errorf("%d are still open", own.open)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done = a.Busy(ctx, 3, "HashKV", time.Now().Add(time.Minute))
		if want := "http://m3 3 HashKV 1m0s"; len(w.announced) != 1 || w.announced[0] != want {
			t.Errorf("announced %q, want %q", w.announced, want)
		}
		if done(); len(w.withdrawn) != 1 || w.withdrawn[0] != "http://m3 id7" {
			t.Errorf("withdrawn %q", w.withdrawn)
		}
		// etcd goes on hashing when nobody wants the answer any more.
		done = a.Busy(ctx, 3, "HashKV", time.Now().Add(time.Minute))
		cancel()
		if done(); len(w.withdrawn) != 1 {
			t.Errorf("withdrawn %q, though the member stays busy", w.withdrawn)
		}
	})
}

func TestASidecarThatCannotBeToldHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.beats.Remove("m3")
		done := others.NewAnnouncer(&self{}, w.membersOf(), w).Busy(t.Context(), 3, "HashKV", time.Now().Add(time.Minute))
		done()
		if len(w.events) != 1 || w.events[0].Kind != event.MemberBusy || w.events[0].Err == nil {
			t.Errorf("%+v", w.events)
		}
	})
}

// Members are made busy for a moment at each compaction: one that cannot be told is
// told of once, until it can be.
func TestASidecarThatCannotBeToldIsToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		a := others.NewAnnouncer(&self{}, w.membersOf(), w)
		busy := func() { a.Busy(t.Context(), 3, "HashKV", time.Now().Add(time.Minute))() }
		for want, refusal := range []error{1: errors.New("refused"), 2: errors.New("refused"), 3: nil, 4: errors.New("refused")} {
			w.refusal = refusal
			busy()
			if n := len(w.events); n != []int{0, 1, 1, 1, 2}[want] {
				t.Errorf("after %d times %d events", want, n)
			}
		}
	})
}

func TestWhatIsLeftIsToldToTheNewLeader(t *testing.T) {
	w := newWorld()
	a := others.NewAnnouncer(&self{}, w.membersOf(), w)
	if err := a.TakeOver(t.Context(), 3, defrag.Handover{Run: defrag.Run{ID: "r1"}, Member: 1}); err != nil {
		t.Fatal(err)
	}
	if len(w.announced) != 1 || w.announced[0] != "http://m3 takes over 1 of r1" {
		t.Errorf("told %q", w.announced)
	}
	if err := a.TakeOver(t.Context(), 9, defrag.Handover{Run: defrag.Run{ID: "r1"}, Member: 1}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a member that nobody knows: %v, want Unavailable", err)
	}
}

func TestALearnerIsPromotedOnceItHasCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.own.Member.Learner, w.own.Member.RaftApplied = true, 10
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- others.NewPromoter(w, w, w).Watch(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(w.promoted) != 0 {
			t.Fatalf("promoted %v, far behind", w.promoted)
		}
		w.mu.Lock()
		w.own.Member.RaftApplied, w.refusal = 9_900, fault.New(fault.Unavailable, "promote", "2", "not in sync")
		w.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		w.mu.Lock()
		if len(w.events) != 1 || w.events[0].Kind != event.PromotionFailed {
			t.Errorf("a refusal that lasts is told once: %+v", w.events)
		}
		w.refusal = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		w.mu.Lock()
		if len(w.promoted) != 1 || w.promoted[0] != 2 || len(w.events) != 2 || w.events[1].Kind != event.LearnerPromoted {
			t.Errorf("promoted %v, %+v", w.promoted, w.events)
		}
		w.mu.Unlock()
		cancel()
		<-ended
	})
}
