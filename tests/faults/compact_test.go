package faults

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/datadir"
	"github.com/revkeeper/revkeeper/tests/fake"
)

// long ago, so that everything is old enough to be rolled up.
var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

var everything = rule.RollUp{Window: time.Hour, Target: 1 << 20, Segments: 100}

// stack is a bucket with a full of ten revisions and deltas of ten each.
type stack struct {
	*fake.ObjectStore
	t      *testing.T
	writer *revkeeper.Writer
	events *recorder
	sign   compact.Sign
}

func newStack(t *testing.T, deltas int) *stack {
	t.Helper()
	s := &stack{ObjectStore: fake.NewObjectStore(), t: t, events: &recorder{next: discard{}}}
	s.sign = func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{Member: "compactor"}, nil }
	var err error
	s.writer, err = revkeeper.NewWriter(s, t.TempDir())
	s.must(err)
	_, err = s.writer.Begin(t.Context(), timeline.Timeline{First: 2, Reason: "test", BeganAt: longAgo, Writer: snapshot.Writer{ClusterID: "c"}})
	s.must(err)
	spooled, err := fullspool.New(t.TempDir()).Spool(t.Context(), bytes.NewReader(contract.Snapshot(t, 10, 100)), 0, chain.Range{})
	s.must(err)
	defer spooled.Release()
	_, err = s.writer.StoreFull(t.Context(), snapshot.Ref{Epoch: 1, At: longAgo}, snapshot.Manifest{Writer: snapshot.Writer{ClusterID: "c"}, Auth: snapshot.Auth{Revision: 1}, TakenAt: longAgo}, spooled)
	s.must(err)
	for i := range int64(deltas) {
		s.delta(11+10*i, 20+10*i, nil)
	}
	return s
}

type discard struct{}

func (discard) Observe(event.Event) {}

func (s *stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// delta stores revisions first to last; change may alter its envelope.
func (s *stack) delta(first, last int64, change func(*snapshot.Envelope)) snapshot.Envelope {
	s.t.Helper()
	d := s.writer.Draft(1 << 20)
	for _, r := range contract.Records(first, last, 100) {
		s.must(d.Append(r, longAgo, longAgo))
	}
	env := snapshot.Envelope{Epoch: 1, SealedAt: longAgo.Add(time.Duration(first) * time.Second), Auth: snapshot.Auth{Revision: 1}, Writer: snapshot.Writer{ClusterID: "c"}}
	if change != nil {
		change(&env)
	}
	sealed, err := d.Seal(env)
	s.must(err)
	defer sealed.Release()
	s.must(s.writer.StoreDelta(s.t.Context(), sealed))
	return sealed.Envelope
}

// proof stores what a member would have answered at a revision, off by wrong.
func (s *stack) proof(revision int64, wrong uint32) {
	s.t.Helper()
	r := restore.NewRebuilder(revkeeper.New(s), discard{})
	var staged ports.StagedDatabase
	s.must(r.Run(s.t.Context(), restore.Point{Target: revision, SkipProof: true}, func(ctx context.Context) (ports.StagedDatabase, error) {
		var err error
		staged, err = datadir.NewBuilder(s.t.TempDir()).Begin(ctx)
		return staged, err
	}, func(restore.Rebuilt) error {
		h, err := staged.History(s.t.Context())
		s.must(err)
		hash, err := proof.HashKV(h, revision, 0)
		s.must(err)
		return s.writer.StoreProof(s.t.Context(), 1, proof.Recorded{Hash: proof.Hash{Revision: revision, HashKV: hash + wrong}, RecordedAt: longAgo})
	}))
}

func (s *stack) compactor() *compact.Compactor {
	spool := s.t.TempDir()
	return compact.New(revkeeper.New(s), s.writer, s.writer, datadir.NewBuilder(spool), fullspool.New(spool), s.sign, s.events)
}

func (s *stack) history() *timeline.History {
	s.t.Helper()
	c, err := revkeeper.New(s).Catalogue(s.t.Context())
	s.must(err)
	return &c.Timelines[0]
}

func (s *stack) deltaKeys() []string {
	var out []string
	for _, key := range s.Keys() {
		if strings.HasSuffix(key, ".delta") {
			out = append(out, key)
		}
	}
	return out
}

func TestADamagedDeltaIsNotRolledUp(t *testing.T) {
	s := newStack(t, 6)
	keys := s.deltaKeys()
	s.Corrupt(keys[2], func(b []byte) []byte { b[30] ^= 1; return b })
	made, err := s.compactor().RollUp(t.Context(), everything)
	if err != nil || len(made) != 0 || !slices.Equal(s.deltaKeys(), keys) {
		t.Errorf("made %+v, %v", made, err)
	}
	told := s.events.of(event.CompactionFailed)
	if len(told) != 1 || !errors.Is(told[0].Err, fault.Corrupt) || !strings.Contains(told[0].Err.Error(), keys[2]) {
		t.Errorf("told %+v", told)
	}
}

// What comes back from the store is not what was sent: the small deltas must not
// count as replaced, and nobody may be told that they are.
func TestARollUpThatDoesNotReadBackIsNone(t *testing.T) {
	s := newStack(t, 6)
	before := s.deltaKeys()
	k := compact.New(revkeeper.New(s), spoilt{s.writer, s}, s.writer, nil, nil, s.sign, s.events)
	if made, err := k.RollUp(t.Context(), everything); len(made) != 0 {
		t.Errorf("made %+v, %v", made, err)
	}
	if len(s.events.of(event.DeltasRolledUp)) != 0 || len(s.events.of(event.CompactionFailed)) != 1 {
		t.Error("it is told as done")
	}
	for _, r := range chain.Replaced(s.history()) {
		env, err := revkeeper.New(s).Envelope(t.Context(), r.By.Ref)
		if err == nil && chain.Holds(env, r.Delta.Ref) {
			for _, err = range revkeeper.New(s).OpenDelta(t.Context(), env, r.By.Ref) {
			}
		}
		if !errors.Is(err, fault.Corrupt) {
			t.Errorf("who reads it back finds %v", err)
		}
	}
	// Restores go around it.
	if len(s.deltaKeys()) != len(before)+1 {
		t.Fatalf("%v", s.deltaKeys())
	}
	if _, res, err := tryRestore(t, s, 1, 70); err != nil || len(res.Plan.Excluded) != 1 {
		t.Errorf("%+v, %v", res.Plan.Excluded, err)
	}
}

// spoilt damages what it stores.
type spoilt struct {
	*revkeeper.Writer
	store *stack
}

func (s spoilt) StoreDelta(ctx context.Context, d ports.SealedDelta) error {
	err := s.Writer.StoreDelta(ctx, d)
	s.store.Corrupt(d.Ref.Key(), func(b []byte) []byte { b[30] ^= 1; return b })
	return err
}

func TestWhoDoesNotLeadCompactsNothing(t *testing.T) {
	s := newStack(t, 6)
	s.proof(10, 0)
	refused := fault.New(fault.Conflict, "sign", "", "does not lead")
	s.sign = func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{}, refused }
	before := s.Keys()
	k := s.compactor()
	if made, err := k.RollUp(t.Context(), everything); !errors.Is(err, refused) || len(made) != 0 {
		t.Errorf("%+v, %v", made, err)
	}
	plan, err := k.PlanFull(t.Context(), rule.Full{})
	s.must(err)
	if _, err := k.BuildFull(t.Context(), plan); !errors.Is(err, refused) {
		t.Errorf("full: %v", err)
	}
	if !slices.Equal(s.Keys(), before) {
		t.Errorf("the bucket holds %v", s.Keys())
	}
}

func TestALostReplyMakesNoSecondRollUp(t *testing.T) {
	s := newStack(t, 6)
	s.Inject(fake.Fault{Op: fake.Create, After: true})
	k := s.compactor()
	if _, err := k.RollUp(t.Context(), everything); !errors.Is(err, fault.Unavailable) {
		t.Errorf("the lost reply: %v", err)
	}
	made, err := k.RollUp(t.Context(), everything)
	if err != nil || len(s.deltaKeys()) != 7 {
		t.Errorf("%+v, %v, %v", made, err, s.deltaKeys())
	}
}

func TestNoFullIsBuiltThatWouldLackSomething(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*stack)
		want    error
		says    string
	}{
		"no proof":               {func(*stack) {}, fault.Unsupported, "no recorded hash"},
		"a proof that disagrees": {func(s *stack) { s.proof(30, 1) }, fault.Diverged, "30"},
		"users changed": {func(s *stack) {
			s.proof(10, 0)
			s.delta(71, 72, func(e *snapshot.Envelope) { e.Auth = snapshot.Auth{Revision: 2} })
		}, fault.Unsupported, "users"},
		"users changed within a delta, before a roll-up": {func(s *stack) {
			s.proof(10, 0)
			s.delta(71, 72, func(e *snapshot.Envelope) { e.AuthTo = &snapshot.Auth{Revision: 2} })
			s.delta(73, 74, func(e *snapshot.Envelope) { e.Auth = snapshot.Auth{Revision: 2} })
			_, err := s.compactor().RollUp(t.Context(), everything)
			s.must(err)
		}, fault.Unsupported, "users"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, 6)
			c.arrange(s)
			before := s.Keys()
			k := s.compactor()
			plan, err := k.PlanFull(t.Context(), rule.Full{})
			s.must(err)
			_, err = k.BuildFull(t.Context(), plan)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("err = %v", err)
			}
			if !slices.Equal(s.Keys(), before) {
				t.Errorf("something was stored: %v", s.Keys())
			}
		})
	}
}

// A delta is damaged; the older full and an overlapping delta lead around it.
func TestABuildGoesAroundDamage(t *testing.T) {
	s := newStack(t, 6)
	s.proof(10, 0)
	s.must(func() error { _, err := s.compactor().RollUp(t.Context(), everything); return err }())
	for _, d := range s.history().Deltas {
		if d.Last-d.First > 10 { // the roll-up
			s.Corrupt(d.Key(), func(b []byte) []byte { b[30] ^= 1; return b })
		}
	}
	k := s.compactor()
	plan, err := k.PlanFull(t.Context(), rule.Full{})
	s.must(err)
	full, err := k.BuildFull(t.Context(), plan)
	if err != nil || full.Last != 70 {
		t.Fatalf("%+v, %v", full, err)
	}
	m, err := revkeeper.New(s).Manifest(t.Context(), full.Ref)
	if err != nil || m.Synthetic.Deltas != 6 || !m.TakenAt.Before(longAgo.Add(time.Hour)) {
		t.Errorf("%+v, %v", m, err)
	}
}

// A late delta of another leader has the range of a roll-up, but is one segment:
// the listing takes that for a dispute, a restore does not.
func TestADeltaCutElsewhereIsNoDispute(t *testing.T) {
	s := newStack(t, 6)
	s.must(func() error { _, err := s.compactor().RollUp(t.Context(), everything); return err }())
	s.delta(11, 60, nil)
	if d := chain.Cover(s.history()).Disputed; len(d) != 1 {
		t.Fatalf("the listing disputes %v", d)
	}
	if _, res, err := tryRestore(t, s, 1, 65); err != nil || res.Plan.Target != 65 {
		t.Errorf("a restore: %v", err)
	}
}

// One that is cut elsewhere and tells another story still is one.
func TestADeltaCutElsewhereMayDisputeNevertheless(t *testing.T) {
	s := newStack(t, 6)
	s.must(func() error { _, err := s.compactor().RollUp(t.Context(), everything); return err }())
	for _, r := range chain.Replaced(s.history()) {
		s.must(s.Delete(t.Context(), r.Delta.Key())) // they would dispute it too
	}
	d := s.writer.Draft(1 << 20)
	for _, r := range contract.Records(11, 60, 101) {
		s.must(d.Append(r, longAgo, longAgo))
	}
	sealed, err := d.Seal(snapshot.Envelope{Epoch: 1, SealedAt: longAgo, Writer: snapshot.Writer{ClusterID: "c"}})
	s.must(err)
	defer sealed.Release()
	s.must(s.writer.StoreDelta(t.Context(), sealed))
	if _, _, err := tryRestore(t, s, 1, 65); !errors.Is(err, fault.Diverged) {
		t.Errorf("err = %v", err)
	}
}

// A restore reads no envelope of deltas that a roll-up on its path holds.
func TestARestoreDoesNotReadWhatARollUpHolds(t *testing.T) {
	s := newStack(t, 12)
	s.must(func() error { _, err := s.compactor().RollUp(t.Context(), everything); return err }())
	read := map[string]int{}
	counting := &counting{ObjectStore: s, read: read}
	if _, res, err := tryRestore(t, counting, 1, 125); err != nil || len(res.Warnings) != 1 {
		t.Fatalf("%v, %v", res.Warnings, err) // no proof
	}
	for key := range read {
		ref, err := snapshot.Parse(key)
		if err == nil && ref.Kind == snapshot.KindDelta && ref.Last-ref.First == 9 && ref.Last <= 120 {
			t.Errorf("%s was read", key)
		}
	}
}

type counting struct {
	ports.ObjectStore
	mu   sync.Mutex
	read map[string]int
}

func (c *counting) Stat(ctx context.Context, key string) (ports.Object, error) {
	c.mu.Lock()
	c.read[key]++
	c.mu.Unlock()
	return c.ObjectStore.Stat(ctx, key)
}

func TestTheDutyWorksBySchedule(t *testing.T) {
	s := newStack(t, 6)
	s.proof(10, 0)
	s.Inject(fake.Fault{Op: fake.List}) // the first run fails and is told
	told := make(chan timeline.Full, 1)
	duty := compact.NewDuty(s.compactor(), compact.Config{Built: func(f timeline.Full) { told <- f }, Next: func(after time.Time) time.Time { return after.Add(10 * time.Millisecond) },
		RollUp: everything, Fulls: true, Full: rule.Full{Revisions: 20}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- duty.Run(ctx) }()
	eventually(t, "a roll-up and a full", func() bool {
		return len(s.events.of(event.DeltasRolledUp)) == 1 && len(s.events.of(event.FullBuilt)) == 1
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if len(s.events.of(event.CompactionFailed)) != 1 {
		t.Errorf("told: %+v", s.events.of(event.CompactionFailed))
	}
	if f := <-told; f.Last != 70 {
		t.Errorf("the backup was told of %+v", f)
	}
	if h := s.history(); len(h.Deltas) != 7 || len(h.Fulls) != 2 {
		t.Errorf("%d deltas, %d fulls", len(h.Deltas), len(h.Fulls))
	}
}
