package roles

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/application/backup"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// history is a cluster of one member with a history that is the same for
// whoever watches it. It has no clock and may serve several bubbles.
type history struct {
	mu   sync.Mutex
	head int64
}

// glance is how often a watch looks for changes, on its reader's clock.
const glance = 10 * time.Millisecond

func (h *history) write(n int64) (head int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head += n
	return h.head
}

// at is what revision changed: up to three keys.
func at(revision int64) []record.Record {
	var out []record.Record
	for sub := range 1 + revision%3 {
		key := binary.BigEndian.AppendUint64([]byte{'k', byte(sub)}, uint64(revision*revision))
		out = append(out, record.Record{Revision: record.Revision{Main: revision, Sub: sub}, Tombstone: true,
			KeyValue: record.AppendTombstone(nil, key)})
	}
	return out
}

func (h *history) Head(context.Context) (chain.Head, error) {
	head := h.write(0)
	return chain.Head{ClusterID: "c", Revision: head, Raft: snapshot.Raft{Term: 1, Index: uint64(head)}}, nil
}

func (h *history) Members(context.Context) ([]cluster.Member, error) {
	return []cluster.Member{{ID: 1, Name: "m"}}, nil
}

func (h *history) MemberStatus(context.Context, cluster.Member) (cluster.Status, error) {
	return cluster.Status{MemberID: 1, Leader: 1, Revision: h.write(0)}, nil
}

func (h *history) Auth(context.Context) (snapshot.Auth, error) { return snapshot.Auth{}, nil }

func (h *history) LeaseTTL(_ context.Context, id int64) (snapshot.Lease, error) {
	return snapshot.Lease{ID: id, State: snapshot.LeaseGone}, nil
}

func (h *history) Promote(context.Context, cluster.ID) error { return nil }

func (h *history) Snapshot(context.Context, cluster.Member) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("database")), nil
}

func (h *history) HashKV(_ context.Context, _ cluster.Member, revision int64) (proof.Hash, error) {
	return proof.Hash{Revision: revision, HashKV: uint32(revision)}, nil
}

// Spool implements ports.FullSpool: a full that holds everything.
func (h *history) Spool(_ context.Context, stream io.Reader, _ int64, _ chain.Range) (ports.SpooledFull, error) {
	content, err := io.ReadAll(stream)
	head := h.write(0)
	var digests record.Digester
	for revision := max(1, head-2*record.TailLength); revision <= head; revision++ {
		for _, r := range at(revision) {
			digests.Write(r)
		}
	}
	_, tail := digests.Finish()
	return ports.SpooledFull{Facts: ports.FullFacts{Last: head, Tail: tail}, Body: strings.NewReader(string(content)),
		StoredSize: int64(len(content)), Size: int64(len(content)), Release: func() {}}, err
}

func (h *history) Watch(ctx context.Context, from int64) (ports.Watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	return &watch{h, ctx, cancel, from}, nil
}

type watch struct {
	*history
	ctx   context.Context
	close func()
	next  int64
}

func (w *watch) Next() (ports.Changes, error) {
	for {
		head := w.write(0)
		if w.next <= head {
			c := ports.Changes{Header: head, RaftTerm: 1, Received: time.Now()}
			for ; w.next <= head && len(c.Records) < 7; w.next++ {
				c.Records = append(c.Records, at(w.next)...)
			}
			return c, nil
		}
		select {
		case <-time.After(glance):
		case <-w.ctx.Done():
			return ports.Changes{}, w.ctx.Err()
		}
	}
}

func (w *watch) CompactRevision(context.Context) (int64, error) { return 0, nil }
func (w *watch) Member() cluster.ID                             { return 1 }
func (w *watch) Close()                                         { w.close() }

// leader is a backup duty on a scripted cluster.
type leader struct {
	*backup.Backup
	t      *testing.T
	state  *backup.State
	events *recorder
	done   chan error
	cancel func()
}

// lead starts to back h up into store. The caller stops it.
func lead(t *testing.T, name string, h *history, store ports.ObjectStore, flush time.Duration) *leader {
	t.Helper()
	l := newLeader(t, name, h, store, flush)
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	go func() { l.done <- l.Run(ctx) }()
	return l
}

func newLeader(t *testing.T, name string, h *history, store ports.ObjectStore, flush time.Duration) *leader {
	t.Helper()
	w, err := revkeeper.NewWriter(store, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &leader{t: t, state: backup.NewState(), done: make(chan error, 1),
		events: &recorder{next: eventlog.Logger(slog.New(slog.DiscardHandler))}}
	c := backup.Config{
		Flush: schedule.Flush{Age: flush, Bytes: 4 << 20},
		Retry: schedule.Backoff{Min: 50 * time.Millisecond, Max: 200 * time.Millisecond}, CatchUp: 30_000,
		Spill: 1 << 30, SpillMemory: 32 << 20,
		HeadInterval: 200 * time.Millisecond, AuthInterval: 200 * time.Millisecond, CallTimeout: 5 * time.Second,
	}
	notBusy := func(context.Context, cluster.ID, string, time.Time) func() { return func() {} }
	sign := func(context.Context) (snapshot.Writer, error) {
		return snapshot.Writer{MemberID: "1", Member: name}, nil
	}
	l.Backup = backup.New(c, sign, revkeeper.New(store), w, h, h, takefull.NewTaker(h, h, h, w, l.events, notBusy), l.events, l.state)
	return l
}

func (l *leader) stop() {
	l.cancel()
	if err := <-l.done; !errors.Is(err, context.Canceled) {
		l.t.Errorf("backup ended with %v", err)
	}
}

// awaitDurable waits, on the leader's clock, until the store has all up to head.
func (l *leader) awaitDurable(head int64) {
	l.t.Helper()
	for range 10_000 {
		if b := l.state.Backup(); b.Durable >= head && b.LastFull != nil {
			return
		}
		time.Sleep(glance)
	}
	l.t.Fatalf("revision %d is not stored: %+v; %v", head, l.state.Backup(), l.events.of(event.WatchLost))
}

// recorder keeps events.
type recorder struct {
	next   ports.Observer
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Observe(e event.Event) {
	r.next.Observe(e)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// of returns the events of the kinds, oldest first.
func (r *recorder) of(kinds ...event.Kind) []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []event.Event
	for _, e := range r.events {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
	}
	return out
}
