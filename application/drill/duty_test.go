package drill_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/drill"
	proofs "github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// world is a bucket of one timeline up to revision 40, and the place where drills
// are carried out. It is asked for nothing else.
type world struct {
	ports.Archive
	ports.ArchiveWriter
	ports.ArchiveKeeper
	ledger *proofs.Ledger

	mu       sync.Mutex
	outcomes []rule.Outcome // of the next drills
	failure  error
	older    error // of the stretch between two fulls; there is one only if it is set
	away     int   // how often the store refuses a mark
	suspects []snapshot.Ref
	notes    []snapshot.Note
	verified []proof.Verified
	doubted  []int
	drills   []time.Time
	besides  []string // who was not to be asked
	events   []event.Event
}

func (w *world) Catalogue(context.Context) (timeline.Catalogue, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 1}, Described: true, Suspects: slices.Clone(w.suspects),
		Fulls:  []timeline.Full{{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 10}, Finished: true}},
		Deltas: []timeline.Delta{{Ref: snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: 11, Last: 40}}}}
	if w.older != nil {
		h.Fulls = append(h.Fulls, timeline.Full{Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 20}, Finished: true})
	}
	for _, rev := range []int64{20, 30, 35} {
		h.Proofs = append(h.Proofs, snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: rev})
	}
	return timeline.Catalogue{Timelines: []timeline.History{h}}, nil
}

// Proof answers with what is stored: that the cluster hashed to 7 everywhere.
func (w *world) Proof(_ context.Context, ref snapshot.Ref) (proof.Recorded, error) {
	return recorded(ref.Last), nil
}

func recorded(revision int64) proof.Recorded {
	return proof.Recorded{Hash: proof.Hash{Revision: revision, HashKV: 7}, MemberID: "a1"}
}

func (w *world) StoreVerified(_ context.Context, v proof.Verified) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verified = append(w.verified, v)
	return nil
}

func (w *world) Note(_ context.Context, ref snapshot.Ref, n snapshot.Note) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away--; w.away >= 0 {
		return fault.New(fault.Unavailable, "create", ref.Key(), "503")
	}
	w.suspects, w.notes = append(w.suspects, ref), append(w.notes, n)
	return nil
}

// Run implements drill.Somewhere.
func (w *world) Run(ctx context.Context, t rule.Task, besides string) (rule.Outcome, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drills, w.besides = append(w.drills, time.Now()), append(w.besides, besides)
	where := "m2"
	if besides == where {
		where = "m3"
	}
	if w.older != nil && t.From < 20 {
		return rule.Outcome{}, where, w.older
	}
	if w.failure != nil && len(w.outcomes) == 0 {
		return rule.Outcome{}, where, w.failure
	}
	agreed := recorded(35)
	out := rule.Outcome{Proof: &agreed}
	if len(w.outcomes) > 0 {
		out, w.outcomes = w.outcomes[0], w.outcomes[1:]
	}
	out.Task, out.Took = t, time.Minute
	return out, where, ctx.Err()
}

func (w *world) Doubt(epoch int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doubted = append(w.doubted, epoch)
}

func (w *world) Observe(e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *world) kinds() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, e := range w.events {
		out = append(out, string(e.Kind))
	}
	return strings.Join(out, " ")
}

func (w *world) duty(next func(time.Time) time.Time) *drill.Duty { return w.dutyAt(w, next) }

func (w *world) dutyAt(place drill.Somewhere, next func(time.Time) time.Time) *drill.Duty {
	sign := func(context.Context) (snapshot.Writer, error) {
		return snapshot.Writer{Member: "m1", Version: "v1"}, nil
	}
	c := drill.Config{Next: next, Retry: schedule.Backoff{Min: time.Second, Max: time.Minute}}
	return drill.NewDuty(c, w, w, w, place, w, w.ledger, sign, w)
}

func newWorld() *world { return &world{ledger: proofs.NewLedger()} }

func differs(good int64) rule.Outcome {
	claimed := recorded(35)
	out := rule.Outcome{Differs: &claimed, Computed: 8}
	if good > 0 {
		agreed := recorded(good)
		out.Proof = &agreed
	}
	return out
}

func TestWhatADrillShowsIsWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		out, err := w.duty(nil).Drill(t.Context())
		if err != nil || out.Revision != 40 || out.Epoch != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		if len(w.verified) != 1 {
			t.Fatalf("%+v", w.verified)
		}
		v := w.verified[0]
		if v.Timeline != 1 || v.Revision != 35 || v.Restored != 40 || v.Where != "m2" || v.By != "m1" || v.TookSeconds != 60 || v.VerifiedAt.IsZero() {
			t.Errorf("%+v", v)
		}
		if got := w.ledger.Standing().Verified; got.Epoch != 1 || got.Revision != 35 || got.Took != time.Minute || !got.At.Equal(v.VerifiedAt) {
			t.Errorf("standing %+v", got)
		}
		if got := w.kinds(); got != "drill_started drill_passed" {
			t.Error(got)
		}
	})
}

func TestWithoutAProofNothingIsVerified(t *testing.T) {
	w := newWorld()
	w.outcomes = []rule.Outcome{{}}
	if _, err := w.duty(nil).Drill(t.Context()); err != nil || len(w.verified) != 0 || w.ledger.Standing().Verified.Epoch != 0 {
		t.Errorf("%v, %+v", err, w.verified)
	}
	if got := w.kinds(); got != "drill_started drill_passed" {
		t.Error(got)
	}
}

func TestAHistoryThatDiffersTwiceEndsItsTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.outcomes, w.away = []rule.Outcome{differs(20), differs(20)}, 3
		began := time.Now()
		if _, err := w.duty(nil).Drill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.suspects) != 1 || w.suspects[0].Kind != snapshot.KindSuspect || w.suspects[0].Last != 20 || w.suspects[0].Epoch != 1 ||
			!strings.Contains(w.notes[0].Note, "member a1 answered HashKV 7") || w.notes[0].Version != "v1" {
			t.Errorf("%+v %+v", w.suspects, w.notes)
		}
		if !slices.Equal(w.besides, []string{"", "m2"}) {
			t.Errorf("the one that found it was asked to confirm it: not asked were %q", w.besides)
		}
		if !slices.Equal(w.doubted, []int{1}) || len(w.verified) != 0 || time.Since(began) == 0 {
			t.Errorf("doubted %v, verified %v after %s", w.doubted, w.verified, time.Since(began))
		}
		last := w.events[len(w.events)-1]
		if last.Kind != event.TimelineSuspect || last.Level != event.Error || last.Revision != 20 || last.FaultKind() != fault.Diverged {
			t.Errorf("%+v", last)
		}
		// It is suspect now: nothing more to find out about it.
		if _, err := w.duty(nil).Drill(t.Context()); fault.KindOf(err) != fault.Unavailable || len(w.drills) != 2 {
			t.Errorf("%v after %d drills", err, len(w.drills))
		}
	})
}

func TestADifferenceThatIsFoundOnceIsAFaultOfTheMachine(t *testing.T) {
	w := newWorld()
	w.outcomes = []rule.Outcome{differs(20)} // the second agrees
	_, err := w.duty(nil).Drill(t.Context())
	if fault.KindOf(err) != fault.Diverged || !strings.Contains(err.Error(), "memory") {
		t.Errorf("%v", err)
	}
	if len(w.suspects)+len(w.doubted)+len(w.verified) != 0 {
		t.Errorf("%v, %v, %v", w.suspects, w.doubted, w.verified)
	}
}

// An old stretch that cannot be rebuilt is told, and hides nothing of the newer ones.
func TestADrillGoesOnBehindDamage(t *testing.T) {
	for _, tc := range []struct {
		kind   fault.Kind
		drills int
	}{{fault.Corrupt, 2}, {fault.NotFound, 2}, {fault.Unavailable, 1}} {
		w := newWorld()
		w.older = fault.New(tc.kind, "drill", "an old full", "it is damaged")
		r, err := w.duty(nil).Drill(t.Context())
		if len(w.drills) != tc.drills || (err == nil) != (tc.drills == 2) {
			t.Fatalf("%s: %d stretches, %+v, %v", tc.kind, len(w.drills), r, err)
		}
		if err == nil && (r.Revision != 40 || r.From != 20 || len(r.Around) != 1 || !strings.Contains(r.Around[0], "an old full") ||
			w.kinds() != "drill_started drill_failed drill_started drill_passed" || w.events[1].Level != event.Error) {
			t.Errorf("%s: %+v, events %s", tc.kind, r, w.kinds())
		}
	}
}

// Up to where a timeline is good is what both found, not the second alone.
func TestTheLowerOfTwoGoodRevisionsCounts(t *testing.T) {
	for _, order := range [][]rule.Outcome{{differs(20), differs(30)}, {differs(30), differs(20)}} {
		w := newWorld()
		w.outcomes = order
		if r, err := w.duty(nil).Drill(t.Context()); err != nil || r.Good != 20 || w.suspects[0].Last != 20 {
			t.Errorf("good up to %d, marked %v, %v", r.Good, w.suspects, err)
		}
	}
}

// What one sidecar says is not believed while nobody else could look, nor if what it
// says that it compared with is not what the store holds.
func TestTheWordOfOneSidecarDecidesNothing(t *testing.T) {
	forged := func(change func(p *proof.Recorded)) rule.Outcome {
		out := differs(20)
		change(out.Differs)
		return out
	}
	better := func() rule.Outcome { // it would be verified up to what was never recorded
		p := recorded(39)
		return rule.Outcome{Proof: &p}
	}
	noRoom := fault.New(fault.Unavailable, "drill", "/spool", "no room")
	for _, tc := range []struct {
		story    string
		outcomes []rule.Outcome
		failure  error
		kind     fault.Kind
		says     string
	}{
		{"nobody else has room", []rule.Outcome{differs(20)}, noRoom, fault.Diverged, "could not be confirmed elsewhere"},
		{"a hash that was not recorded", []rule.Outcome{forged(func(p *proof.Recorded) { p.HashKV = 9 })}, nil, fault.Unavailable, "not in the store"},
		{"a revision that was not recorded", []rule.Outcome{forged(func(p *proof.Recorded) { p.Revision = 33 })}, nil, fault.Unavailable, "not in the store"},
		{"the second one's was not recorded", []rule.Outcome{differs(20), forged(func(p *proof.Recorded) { p.HashKV = 9 })}, nil, fault.Diverged, "not in the store"},
		{"a newer proof agrees than one that differs", []rule.Outcome{differs(35)}, nil, fault.Unavailable, "a newer proof agrees"},
		{"it agrees with what was not recorded", []rule.Outcome{better()}, nil, fault.Unavailable, "not in the store"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			w := newWorld()
			w.outcomes, w.failure = tc.outcomes, tc.failure
			_, err := w.duty(nil).Drill(t.Context())
			if fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "m2") {
				t.Errorf("%v: %v", fault.KindOf(err), err)
			}
			if len(w.suspects)+len(w.doubted)+len(w.verified) != 0 {
				t.Errorf("%v, %v, %v", w.suspects, w.doubted, w.verified)
			}
		})
	}
}

func TestNoDrillWhileTheMembersDisagree(t *testing.T) {
	w := newWorld()
	d := drill.NewDuty(drill.Config{}, w, w, w, w, w, disputed{}, nil, w)
	if _, err := d.Drill(t.Context()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "a 1, b 2") || len(w.drills) != 0 {
		t.Errorf("%v", err)
	}
}

type disputed struct{}

func (disputed) Standing() proof.Standing {
	return proof.Standing{Differ: &proof.Disagreement{Detail: "a 1, b 2"}}
}
func (disputed) Verified(proof.Point) {}

func TestDrillsComeBySchedule(t *testing.T) {
	for _, tc := range []struct {
		name    string
		failure error
		level   event.Level
	}{
		{"all is well", nil, 0},
		{"no room", fault.New(fault.Unavailable, "drill", "", "no room"), event.Warn},
		{"a damaged object", fault.New(fault.Corrupt, "drill", "full", "damaged"), event.Error},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.failure = tc.failure
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				daily := func(after time.Time) time.Time { return after.Truncate(24 * time.Hour).Add(24 * time.Hour) }
				go func() { ended <- w.duty(daily).Run(ctx) }()
				time.Sleep(72*time.Hour + time.Minute)
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v", err)
				}
				if n := len(w.drills); n != 3 {
					t.Errorf("%d drills in three days", n)
				}
				failed := 0
				for _, e := range w.events {
					if e.Kind == event.DrillFailed {
						failed++
						if e.Level != tc.level {
							t.Errorf("%+v", e)
						}
					}
				}
				if (failed == 3) != (tc.failure != nil) {
					t.Errorf("%d failures", failed)
				}
			})
		})
	}
}

// others is a cluster of a leader and two followers, some of whom cannot drill.
type others struct {
	cannot map[string]error
	asked  []string
}

func (o *others) Cluster(context.Context) (health.Cluster, error) {
	member := func(name string, as role.Role) health.Member {
		return health.Member{Entry: heartbeat.Entry{Member: cluster.Member{Name: name}}, Own: as == role.Leader, Healthy: true, Sidecar: &health.View{Role: as}}
	}
	return health.Cluster{Members: []health.Member{member("m1", role.Leader), member("m2", role.Follower), member("m3", role.Follower)}}, nil
}

func (o *others) Drill(_ context.Context, m health.Member, t rule.Task) (rule.Outcome, error) {
	o.asked = append(o.asked, m.Member.Name)
	return rule.Outcome{Task: t}, o.cannot[m.Member.Name]
}

func TestADrillGoesToAFollowerFirst(t *testing.T) {
	busy := fault.New(fault.Conflict, "drill", "", "another is under way")
	old := fault.New(fault.NotFound, "ask", "", "there is nothing at this path")
	damaged := fault.New(fault.Corrupt, "drill", "full", "damaged")
	for _, tc := range []struct {
		story   string
		besides string
		cannot  map[string]error
		asked   string
		where   string
		kind    fault.Kind
	}{
		{"another than found it", "m2", nil, "m3", "m3", ""},
		{"the leader confirms what the only able follower found", "m2", map[string]error{"m3": old}, "m3", "m1", fault.Internal},
		{"the first follower", "", nil, "m2", "m2", ""},
		{"it is busy: the next", "", map[string]error{"m2": busy}, "m2 m3", "m3", ""},
		{"an older version does not know how", "", map[string]error{"m2": old}, "m2 m3", "m3", ""},
		{"nobody can: the leader itself", "", map[string]error{"m2": busy, "m3": old}, "m2 m3", "m1", fault.Internal},
		{"what is damaged is damaged everywhere", "", map[string]error{"m2": damaged}, "m2", "m2", fault.Corrupt},
	} {
		t.Run(tc.story, func(t *testing.T) {
			o := &others{cannot: tc.cannot}
			here := drill.NewDriller(nil, full{}, newWorld())
			_, where, err := drill.NewPlace(o, here, "m1", newWorld()).Run(t.Context(), rule.Task{Epoch: 1, Revision: 40}, tc.besides)
			if got := strings.Join(o.asked, " "); got != tc.asked || where != tc.where || fault.KindOf(err) != tc.kind {
				t.Errorf("asked %s, done on %s, %v", got, where, err)
			}
		})
	}
}

// full is a disk that cannot even be asked: it shows who drills here.
type full struct{ ports.SnapshotBuilder }

func (full) Free(context.Context) (string, int64, error) {
	return "", 0, fault.New(fault.Internal, "look for free space", "", "here")
}
