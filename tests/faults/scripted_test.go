package faults

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/application/backup"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
)

// script is an etcd of one member that says what a test tells it to: what a real
// one does only at bad moments.
type script struct {
	mu      sync.Mutex
	head    chain.Head
	compact int64 // of the watched member
	auth    snapshot.Auth
	changes chan ports.Changes
	from    []int64 // of the watches
}

func newScript(revision int64) *script {
	return &script{head: chain.Head{ClusterID: "c", Revision: revision, Raft: snapshot.Raft{Term: 1, Index: 1}}, changes: make(chan ports.Changes)}
}

func (s *script) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *script) Head(context.Context) (chain.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head, nil
}

func (s *script) Members(context.Context) ([]cluster.Member, error) {
	return []cluster.Member{{ID: 1, Name: "m"}}, nil
}

func (s *script) MemberStatus(context.Context, cluster.Member) (cluster.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cluster.Status{MemberID: 1, Leader: 1, Revision: s.head.Revision}, nil
}

func (s *script) Auth(context.Context) (snapshot.Auth, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.auth, nil
}

func (s *script) LeaseTTL(_ context.Context, id int64) (snapshot.Lease, error) {
	return snapshot.Lease{ID: id, State: snapshot.LeaseGone}, nil
}

func (s *script) Promote(context.Context, cluster.ID) error { return nil }

func (s *script) Snapshot(context.Context, cluster.Member) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("database")), nil
}

func (s *script) HashKV(_ context.Context, _ cluster.Member, revision int64) (proof.Hash, error) {
	return proof.Hash{Revision: revision}, nil
}

// Spool implements ports.FullSpool: a full that holds everything.
func (s *script) Spool(_ context.Context, stream io.Reader, _ int64, _ chain.Range) (ports.SpooledFull, error) {
	content, err := io.ReadAll(stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	return ports.SpooledFull{Facts: ports.FullFacts{Last: s.head.Revision}, Body: strings.NewReader(string(content)),
		StoredSize: int64(len(content)), Size: int64(len(content)), Release: func() {}}, err
}

func (s *script) Watch(ctx context.Context, from int64) (ports.Watch, error) {
	s.set(func() { s.from = append(s.from, from) })
	ctx, cancel := context.WithCancel(ctx)
	return &scriptedWatch{s, ctx, cancel}, nil
}

type scriptedWatch struct {
	*script
	ctx   context.Context
	close func()
}

func (w *scriptedWatch) Next() (ports.Changes, error) {
	select {
	case c := <-w.changes:
		if c.Records == nil {
			return c, fault.New(fault.Unavailable, "watch", "", "the stream broke")
		}
		c.Received = time.Now()
		return c, nil
	case <-w.ctx.Done():
		return ports.Changes{}, w.ctx.Err()
	}
}

func (w *scriptedWatch) CompactRevision(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.compact, nil
}

func (w *scriptedWatch) Member() cluster.ID { return 1 }
func (w *scriptedWatch) Close()             { w.close() }

func tombstones(main int64, subs ...int64) []record.Record {
	var out []record.Record
	for _, sub := range subs {
		out = append(out, record.Record{Revision: record.Revision{Main: main, Sub: sub}, Tombstone: true,
			KeyValue: record.AppendTombstone(nil, []byte{'k', byte(sub)})})
	}
	return out
}

// scripted runs a backup against s and ends it before it returns.
func scripted(t *testing.T, s *script, store ports.ObjectStore, play func(b *backup.Backup, state *backup.State, events *recorder)) {
	t.Helper()
	w, err := revkeeper.NewWriter(store, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	events := &recorder{next: eventlog.Logger(slog.New(slog.DiscardHandler))}
	notBusy := func(context.Context, cluster.ID, string, time.Time) func() { return func() {} }
	state := backup.NewState()
	b := backup.New(inprocess.Config(), func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{MemberID: "test"}, nil }, revkeeper.New(store), w, s, s, takefull.NewTaker(s, s, s, w, events, notBusy), events, state)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	play(b, state, events)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("backup ended with %v", err)
	}
}

// One revision arrives in fragments, and long after a flush is due, and while
// somebody asks for a delta, its end is still to come.
func TestADeltaNeverSplitsARevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store := newScript(10), newGate()
		scripted(t, s, store, func(b *backup.Backup, state *backup.State, events *recorder) {
			time.Sleep(time.Second)
			s.set(func() { s.head.Revision = 11 })
			answer := make(chan *snapshot.Ref, 1)
			go func() {
				ref, err := b.TakeDelta(t.Context())
				if err != nil {
					t.Error(err)
				}
				answer <- ref
			}()
			s.changes <- ports.Changes{Records: tombstones(11, 0, 1), Header: 11, Open: true}
			time.Sleep(time.Minute)
			if n := len(events.of(event.DeltaStored)); n > 0 {
				t.Errorf("%d deltas were stored of a revision that is not whole", n)
			}
			s.changes <- ports.Changes{Records: tombstones(11, 2, 3), Header: 11}
			ref := <-answer
			if ref == nil || ref.First != 11 || ref.Last != 11 {
				t.Fatalf("ref = %+v", ref)
			}
			env, err := revkeeper.New(store).Envelope(t.Context(), *ref)
			if err != nil || env.Records != 4 {
				t.Errorf("%d records, %v; want all 4 of the revision", env.Records, err)
			}
			if lost := events.of(event.WatchLost); len(lost) > 0 {
				t.Errorf("the watch was lost: %v", lost[0].Err)
			}
		})
	})
}

// A response that was read from history may lack what a compaction removed
// meanwhile. It is not believed.
func TestHistoryThatMayLackChangesIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store := newScript(10), newGate()
		scripted(t, s, store, func(_ *backup.Backup, _ *backup.State, events *recorder) {
			time.Sleep(time.Second)
			s.set(func() { s.compact, s.head.Compact, s.head.Revision = 12, 12, 15 })
			s.changes <- ports.Changes{Records: tombstones(11, 0), Header: 15}
			time.Sleep(5 * time.Second)
			if n := len(events.of(event.DeltaStored)); n > 0 {
				t.Errorf("%d deltas were stored", n)
			}
			if n := len(events.of(event.GapFound)) + len(events.of(event.TimelineBegan)); n < 2 {
				t.Errorf("%d events of gaps and new timelines", n)
			}
		})
	})
}

// A revision is missing in the watch: nothing beyond the hole is stored, and the
// next watch asks for it again.
func TestAHoleInTheWatchIsALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store := newScript(10), newGate()
		scripted(t, s, store, func(_ *backup.Backup, state *backup.State, events *recorder) {
			time.Sleep(time.Second)
			s.set(func() { s.head.Revision = 13 })
			s.changes <- ports.Changes{Records: tombstones(11, 0), Header: 11}
			time.Sleep(time.Second)
			s.changes <- ports.Changes{Records: tombstones(13, 0), Header: 13}
			time.Sleep(time.Second)
			if got := state.Backup().Durable; got != 11 {
				t.Errorf("durable up to %d, revision 12 never came", got)
			}
			if from := s.from; len(from) != 2 || from[1] > 12 {
				t.Errorf("watches began at %v", from)
			}
		})
	})
}

// The duty ends at any moment of a watch that is busy; it must end.
func TestRunEndsWhateverTheWatchDoes(t *testing.T) {
	for range 200 {
		s := newScript(10)
		stop := make(chan struct{})
		var feeding sync.WaitGroup
		feeding.Go(func() {
			for rev := int64(11); ; rev++ {
				select {
				case s.changes <- ports.Changes{Records: tombstones(rev, 0), Header: rev}:
				case <-stop:
					return
				}
			}
		})
		scripted(t, s, newGate(), func(_ *backup.Backup, _ *backup.State, events *recorder) {
			eventually(t, "a watch", func() bool { return len(events.of(event.TimelineBegan)) > 0 })
		})
		close(stop)
		feeding.Wait()
	}
}
