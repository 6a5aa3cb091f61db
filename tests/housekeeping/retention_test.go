// Package housekeeping tests what tidies a bucket and the members, with real objects;
// at length, with the tag acceptance, that nothing is lost and what it costs.
package housekeeping

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/stored"
)

// scene is a bucket with a Keeper. Its rule keeps the newest two fulls.
type scene struct {
	*testing.T
	store  *fake.ObjectStore
	bucket *stored.Bucket
	config retention.Config
	hook   *hooked
	events []event.Kind
	mu     sync.Mutex
	fulls  []snapshot.Ref
	deltas []snapshot.Ref
}

// newScene stores three fulls and the deltas between them: 10 – 20 – 30 – 35.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, store: fake.NewObjectStore(), config: retention.Config{
		Rule:  rule.Rule{Policy: rule.Policy{Way: rule.Limit, Limit: 2}, Stale: 24 * time.Hour, Frozen: 30 * 24 * time.Hour, Leftover: 24 * time.Hour},
		Limit: 1000, Retry: schedule.Backoff{Min: time.Millisecond, Max: time.Millisecond},
	}}
	s.bucket = stored.New(t, s.store)
	epoch := s.bucket.Begin(2, ago(72))
	s.fulls = append(s.fulls, s.bucket.Full(epoch, 0, 10, ago(72), false))
	s.deltas = append(s.deltas, s.bucket.Delta(epoch, 11, 20, ago(60)))
	s.fulls = append(s.fulls, s.bucket.Full(epoch, 0, 20, ago(48), false))
	s.deltas = append(s.deltas, s.bucket.Delta(epoch, 21, 30, ago(30)))
	s.fulls = append(s.fulls, s.bucket.Full(epoch, 0, 30, ago(12), true))
	s.deltas = append(s.deltas, s.bucket.Delta(epoch, 31, 35, ago(1)))
	s.hook = &hooked{ArchiveKeeper: revkeeper.NewKeeper(s.store, nil)}
	return s
}

func ago(hours int) time.Time { return time.Now().Add(-time.Duration(hours) * time.Hour) }

func (s *scene) keeper() *retention.Keeper {
	return retention.New(s.config, revkeeper.New(s.store), s.hook, nil, s)
}

// Observe implements ports.Observer.
func (s *scene) Observe(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e.Kind)
}

func (s *scene) has(ref snapshot.Ref) bool { return slices.Contains(s.store.Keys(), ref.Key()) }

func (s *scene) run() (rule.Report, error) {
	s.Helper()
	return s.keeper().Run(s.Context(), nil)
}

// hooked is a Keeper with something that happens before a call.
type hooked struct {
	ports.ArchiveKeeper
	beforeRead   func(ref snapshot.Ref)
	beforeDelete func(refs []snapshot.Ref)
	read         []snapshot.Ref
	mu           sync.Mutex
}

func (h *hooked) ReadBack(ctx context.Context, ref snapshot.Ref) (int64, error) {
	h.mu.Lock()
	h.read = append(h.read, ref)
	if h.beforeRead != nil {
		h.beforeRead(ref)
	}
	h.mu.Unlock()
	return h.ArchiveKeeper.ReadBack(ctx, ref)
}

func (h *hooked) Delete(ctx context.Context, refs []snapshot.Ref) []error {
	if h.beforeDelete != nil {
		h.beforeDelete(refs)
	}
	return h.ArchiveKeeper.Delete(ctx, refs)
}

func TestARunDeletesWhatThePlanSaid(t *testing.T) {
	s := newScene(t)
	s.store.Abandon(ago(48))
	before := len(s.store.Keys())
	k := s.keeper()
	dry, err := k.Plan(t.Context())
	if err != nil || dry.Deleted != 4 || len(s.store.Keys()) != before || len(s.hook.read) > 0 || k.State().Last != nil {
		t.Fatalf("a dry run: %+v, %v; %d keys of %d", dry.Summary, err, len(s.store.Keys()), before)
	}
	s.hook.beforeDelete = func([]snapshot.Ref) {
		if len(s.hook.read) != 2 { // fulls 20 and 30 take the place of what goes
			t.Errorf("%d objects were read back before the first deletion", len(s.hook.read))
		}
	}
	report, err := k.Run(t.Context(), nil)
	if err != nil || report.Deleted != dry.Deleted || report.DeletedBytes != dry.DeletedBytes || report.Kept != dry.Kept || report.Left != 0 || report.Swept != 1 {
		t.Errorf("%+v, %v; the dry run said %+v", report.Summary, err, dry.Summary)
	}
	for ref, want := range map[snapshot.Ref]bool{
		s.fulls[0]: false, s.fulls[0].Manifest(): false, s.fulls[1]: true, s.fulls[2]: true,
		s.deltas[0]: false, s.deltas[1]: false, s.deltas[2]: true,
	} {
		if s.has(ref) != want {
			t.Errorf("%s is there: %v", ref.Key(), !want)
		}
	}
	if last := k.State().Last; last == nil || last.Deleted != 4 {
		t.Errorf("the state tells of %+v", last)
	}
	if !slices.Contains(s.events, event.RetentionRan) {
		t.Errorf("events %v", s.events)
	}
	again, err := k.Run(t.Context(), nil)
	if err != nil || again.Deleted != 0 || len(s.hook.read) != 2 {
		t.Errorf("a second run: %+v, %v; %d were read", again.Summary, err, len(s.hook.read))
	}
}

func TestWhatWasReadBackIsRemembered(t *testing.T) {
	s := newScene(t)
	k := s.keeper()
	s.store.Inject(fake.Fault{Op: fake.Delete, Times: -1})
	for range 2 {
		if report, err := k.Run(t.Context(), nil); !errors.Is(err, fault.Unavailable) || report.Left != 4 || report.Error == "" {
			t.Fatalf("%+v, %v", report.Summary, err)
		}
	}
	s.store.Heal()
	if report, err := k.Run(t.Context(), nil); err != nil || report.Deleted != 4 || len(s.hook.read) != 2 {
		t.Errorf("%+v, %v; %d reads", report.Summary, err, len(s.hook.read))
	}
}

// A replacement that is damaged replaces nothing.
func TestADamagedReplacement(t *testing.T) {
	s := newScene(t)
	s.store.Corrupt(s.fulls[1].Key(), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	report, err := s.run()
	if err != nil || report.Damaged != 1 {
		t.Fatalf("%+v, %v", report.Summary, err)
	}
	for _, ref := range []snapshot.Ref{s.fulls[0], s.fulls[1], s.fulls[2], s.deltas[0], s.deltas[1], s.deltas[2]} {
		want := ref != s.deltas[0] && ref != s.deltas[1] // full 10 is number 2 of the newest 2 that are sound
		if s.has(ref) != want {
			t.Errorf("%s is there: %v", ref.Key(), !want)
		}
	}
	if !slices.Contains(s.events, event.ObjectDamaged) {
		t.Errorf("events %v", s.events)
	}
}

func TestLockedObjectsAreKeptAndNoFailure(t *testing.T) {
	s := newScene(t)
	s.store.Inject(fake.Fault{Op: fake.Delete, Key: s.fulls[0].Manifest().Key(), Times: -1,
		Err: fault.New(fault.Immutable, "delete object", "", "an object lock keeps it until 2027-01-01T00:00:00Z")})
	report, err := s.run()
	if err != nil || report.Locked != 1 || report.Failed != 0 || report.Spared != 1 || report.Deleted != 2 || report.Left != 0 {
		t.Errorf("%+v, %v", report.Summary, err)
	}
	if len(report.Missed) != 1 || !strings.Contains(report.Missed[0].Err.Error(), "until 2027") {
		t.Errorf("%+v", report.Missed)
	}
	if !s.has(s.fulls[0]) {
		t.Error("the full went whose description is locked")
	}
	if slices.Contains(s.events, event.RetentionFailed) {
		t.Errorf("events %v", s.events)
	}
}

func TestAnObjectThatCannotBeDeletedStopsNothingElse(t *testing.T) {
	s := newScene(t)
	s.store.Inject(fake.Fault{Op: fake.Delete, Key: s.deltas[0].Key(), Times: -1, Err: fault.New(fault.Unauthorized, "delete", "", "denied")})
	report, err := s.run()
	if err != nil || report.Failed != 1 || report.Deleted != 3 || !slices.Contains(s.events, event.RetentionFailed) {
		t.Errorf("%+v, %v, %v", report.Summary, err, s.events)
	}
}

func TestAStoreThatIsAwayForAMoment(t *testing.T) {
	s := newScene(t)
	s.store.Inject(fake.Fault{Op: fake.Delete, Times: 3})
	if report, err := s.run(); err != nil || report.Deleted != 4 {
		t.Errorf("%+v, %v", report.Summary, err)
	}
}

func TestNoMoreThanTheLimit(t *testing.T) {
	s := newScene(t)
	s.config.Limit = 3
	k := s.keeper()
	for i, want := range []int{3, 1, 0} {
		if report, err := k.Run(t.Context(), nil); err != nil || report.Deleted != want {
			t.Errorf("run %d: %+v, %v", i, report.Summary, err)
		}
	}
}

// A person who pins a revision while a run goes on is heard before the next wave.
func TestAPinInTheMiddle(t *testing.T) {
	s := newScene(t)
	waves := 0
	s.hook.beforeDelete = func([]snapshot.Ref) {
		if waves++; waves == 1 { // the deltas go; before the manifest of full 10
			pin := snapshot.Ref{Kind: snapshot.KindPin, Epoch: 1, Last: 10, At: time.Now().UTC().Truncate(time.Millisecond)}
			if err := s.hook.Note(t.Context(), pin, snapshot.Note{}); err != nil {
				t.Error(err)
			}
		}
	}
	report, err := s.run()
	if err != nil || report.Deleted != 2 || !s.has(s.fulls[0]) || !s.has(s.fulls[0].Manifest()) {
		t.Errorf("%+v, %v", report.Summary, err)
	}
}

// A timeline that begins meanwhile may show that the cluster was wiped.
func TestATimelineInTheMiddle(t *testing.T) {
	s := newScene(t)
	s.hook.beforeRead = func(snapshot.Ref) {
		s.hook.beforeRead = nil
		s.bucket.Begin(1, time.Now())
	}
	report, err := s.run()
	if err != nil || report.Deleted != 0 || !strings.Contains(report.Stopped, "no finished full") || !slices.Contains(s.events, event.RetentionStopped) {
		t.Errorf("%+v, %v", report.Summary, err)
	}
}

func TestAWipedClusterStopsUntilAcknowledged(t *testing.T) {
	s := newScene(t)
	s.bucket.Keys = 2
	second := s.bucket.Begin(100, ago(2))
	s.bucket.Full(second, 90, 100, ago(2), false) // two keys live
	s.config.Rule.Frozen = time.Hour
	report, err := s.run()
	if err != nil || report.Deleted != 0 || !strings.Contains(report.Stopped, "2 live keys") {
		t.Fatalf("%+v, %v", report.Summary, err)
	}
	mark := snapshot.Ref{Kind: snapshot.KindMark, Epoch: second, ID: string(snapshot.Acknowledged)}
	if err := s.hook.Note(t.Context(), mark, snapshot.Note{}); err != nil {
		t.Fatal(err)
	}
	if report, err := s.run(); err != nil || report.Deleted == 0 || report.Stopped != "" {
		t.Errorf("%+v, %v", report.Summary, err)
	}
}

func TestOneRunAtATime(t *testing.T) {
	s := newScene(t)
	k := s.keeper()
	s.hook.beforeRead = func(snapshot.Ref) {
		s.hook.beforeRead = nil
		if _, err := k.Run(t.Context(), nil); !errors.Is(err, fault.Conflict) {
			t.Errorf("a second run: %v", err)
		}
	}
	if _, err := k.Run(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestARunEndsWithItsContext(t *testing.T) {
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.hook.beforeDelete = func([]snapshot.Ref) { cancel() }
	report, err := s.keeper().Run(ctx, nil)
	if !errors.Is(err, context.Canceled) || report.Deleted != 0 || report.Left != 4 {
		t.Errorf("%+v, %v", report.Summary, err)
	}
}

func TestWhoDoesNotLeadDeletesNothing(t *testing.T) {
	s := newScene(t)
	k := retention.New(s.config, revkeeper.New(s.store), s.hook, func(context.Context) error {
		return fault.New(fault.Unavailable, "lead", "", "another member leads")
	}, s)
	if report, err := k.Run(t.Context(), nil); !errors.Is(err, fault.Unavailable) || report.Deleted != 0 {
		t.Errorf("%+v, %v", report.Summary, err)
	}
}

func TestTheDutyRunsBySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.config.Next = func(after time.Time) time.Time { return after.Truncate(time.Hour).Add(75 * time.Minute) }
		k := s.keeper()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- k.Duty(ctx, func(ctx context.Context) (rule.Report, error) { return k.Run(ctx, nil) })
		}()
		synctest.Wait()
		if next := k.State().Next; next.IsZero() || k.State().Last != nil {
			t.Errorf("next %v, last %v", next, k.State().Last)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if last := k.State().Last; last == nil || last.Deleted+last.Left == 0 && last.Stopped == "" {
			t.Errorf("%+v", last)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A restore that meets an object which was deleted under it plans again.
func TestARestoreBesideARun(t *testing.T) {
	s := newScene(t)
	listed := &interrupted{Archive: revkeeper.New(s.store), after: func() {
		if report, err := s.run(); err != nil || report.Deleted == 0 {
			t.Errorf("%+v, %v", report.Summary, err)
		}
	}}
	r := restore.New(listed, datadir.Dirs{}, eventlog.Logger(slog.New(slog.DiscardHandler)))
	dir := t.TempDir() + "/data"
	// From full 10 the way leads over a delta that goes; full 20 holds it as well.
	res, err := r.Run(t.Context(), restore.Request{Target: 18, Dir: dir, KeepRevisions: true, Force: true, Identity: identity(), SkipProof: true}, nil)
	if err != nil || len(res.Plan.Excluded) == 0 || res.Plan.Base.Last != 20 {
		t.Errorf("%+v, %v", res.Plan, err)
	}
}

// interrupted is an archive in which something happens once the bucket was listed.
type interrupted struct {
	ports.Archive
	after func()
}

func (i *interrupted) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	c, err := i.Archive.Catalogue(ctx)
	i.after()
	return c, err
}

func identity() ports.MemberIdentity {
	peer := url.URL{Scheme: "http", Host: "localhost:2380"}
	return ports.MemberIdentity{Name: "m1", ClusterToken: "t", InitialCluster: map[string][]url.URL{"m1": {peer}}, InitialAdvertisePeer: []url.URL{peer}}
}
