// Package faults breaks things under a backup and a restore - the store, etcd,
// stored objects - and checks that nothing is lost in silence. Everything but
// the store is real unless a test says otherwise.
package faults

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/restore"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const (
	version  = "etcd37"
	patience = 90 * time.Second // so that a test cannot hang; nothing here needs as much
)

// sidecar is the backup duty of one member, in process.
type sidecar struct {
	*backup.Backup
	t      *testing.T
	state  *backup.State
	events *recorder
	stop   func()
}

func config() backup.Config {
	return backup.Config{
		Flush: schedule.Flush{Age: 100 * time.Millisecond, Bytes: 4 << 20},
		Retry: schedule.Backoff{Min: 50 * time.Millisecond, Max: 200 * time.Millisecond}, CatchUp: 30_000,
		Spill: 1 << 30, SpillMemory: 32 << 20,
		HeadInterval: 200 * time.Millisecond, AuthInterval: 200 * time.Millisecond, CallTimeout: 5 * time.Second,
	}
}

func startBackup(t *testing.T, endpoint string, store ports.ObjectStore, change ...func(*backup.Config, *etcd.Config)) *sidecar {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	c, ec := config(), etcd.Config{Endpoint: endpoint}
	for _, f := range change {
		f(&c, &ec)
	}
	clients, err := etcd.Dial(ec, log)
	if err != nil {
		t.Fatal(err)
	}
	spool := t.TempDir()
	writer, err := revkeeper.NewWriter(store, spool)
	if err != nil {
		t.Fatal(err)
	}
	events := &recorder{next: eventlog.Logger(log)}
	notBusy := func(context.Context, cluster.ID, string, time.Time) func() { return func() {} }
	taker := takefull.NewTaker(clients.Cluster, clients.Maintenance, fullspool.New(spool), writer, events, notBusy)
	state := backup.NewState()
	b := backup.New(c, func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{MemberID: "test"}, nil }, revkeeper.New(store), writer, clients.Cluster, clients.Watcher, taker, events, state)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	s := &sidecar{Backup: b, t: t, state: state, events: events}
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("backup ended with %v", err)
		}
		_ = clients.Close()
	})
	t.Cleanup(s.stop)
	return s
}

// awaitDurable waits until the store has the cluster up to revision, its base
// included.
func (s *sidecar) awaitDurable(revision int64) {
	s.t.Helper()
	eventually(s.t, "the backup to reach the revision", func() bool {
		b := s.state.Backup()
		return b.Durable >= revision && b.LastFull != nil
	})
}

// eventually polls until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// recorder keeps events, so that a test can wait for one.
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

// of returns the events of a kind, oldest first.
func (r *recorder) of(kind event.Kind) []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []event.Event
	for _, e := range r.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(string(p[:len(p)-1]))
	}
	return len(p), nil
}

// gate is a store whose Create can be made to fail by key.
type gate struct {
	*fake.ObjectStore
	mu     sync.Mutex
	refuse func(key string) error
}

func newGate() *gate { return &gate{ObjectStore: fake.NewObjectStore()} }

func (g *gate) close(refuse func(key string) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = refuse
}

func (g *gate) open() { g.close(nil) }

func (g *gate) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	g.mu.Lock()
	refuse := g.refuse
	g.mu.Unlock()
	if refuse != nil {
		if err := refuse(key); err != nil {
			return err
		}
	}
	return g.ObjectStore.Create(ctx, key, body, size)
}

func identity(peerURL, name string) ports.MemberIdentity {
	peer, err := url.Parse(peerURL)
	if err != nil {
		panic(err)
	}
	return ports.MemberIdentity{Name: name, ClusterToken: "etcd-cluster",
		InitialCluster: map[string][]url.URL{name: {*peer}}, InitialAdvertisePeer: []url.URL{*peer}}
}

func restorer(store ports.ObjectStore) *restore.Restorer {
	return restore.New(revkeeper.New(store), datadir.Dirs{}, eventlog.Logger(slog.New(slog.DiscardHandler)))
}

func tryRestore(t *testing.T, store ports.ObjectStore, epoch int, target int64) (string, restore.Result, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	res, err := restorer(store).Run(t.Context(), restore.Request{Epoch: epoch, Target: target, Dir: dir,
		Identity: identity("http://localhost:2380", "default"), KeepRevisions: true, Force: true}, nil)
	return dir, res, err
}

// sameAfterRestore restores a revision, boots etcd on it and compares it with
// what source answers for that revision.
func sameAfterRestore(t *testing.T, store ports.ObjectStore, source *clientv3.Client, epoch int, target int64) restore.Result {
	t.Helper()
	dir, res, err := tryRestore(t, store, epoch, target)
	if err != nil {
		t.Fatalf("restore revision %d: %v", target, err)
	}
	oracle.SameAt(t, source, boot(t, dir), target)
	return res
}

func boot(t *testing.T, dir string) *clientv3.Client {
	t.Helper()
	return oracle.Connect(t, servers.StartRestored(t, version, dir))
}

func catalogue(t *testing.T, store ports.ObjectStore) timeline.Catalogue {
	t.Helper()
	c, err := revkeeper.New(store).Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// puts writes n keys and returns the last revision.
func puts(t *testing.T, c *clientv3.Client, prefix string, n int) (revision int64) {
	t.Helper()
	for i := range n {
		r, err := c.Put(t.Context(), prefix+string(rune('a'+i%26)), strings.Repeat(prefix, 1+i%40))
		if err != nil {
			t.Fatal(err)
		}
		revision = r.Header.Revision
	}
	return revision
}

// oneFullNoGap checks that a store holds one timeline with one full and deltas
// that lead on from it without a hole or an overlap up to head. What the full
// holds already need not be in deltas: a leader may end between the two.
func oneFullNoGap(t *testing.T, store ports.ObjectStore, head int64) {
	t.Helper()
	c := catalogue(t, store)
	if len(c.Timelines) != 1 {
		t.Fatalf("%d timelines, want one: the history went on", len(c.Timelines))
	}
	h := c.Timelines[0]
	if len(h.Fulls) != 1 {
		t.Fatalf("%d fulls, want the first only", len(h.Fulls))
	}
	full, reached := h.Fulls[0].Last, int64(0)
	for _, d := range h.Deltas {
		if d.First <= reached || d.First > max(reached, full)+1 {
			t.Errorf("delta %d–%d follows %d, the full ends at %d", d.First, d.Last, reached, full)
		}
		reached = d.Last
	}
	if reached = max(reached, full); reached != head {
		t.Errorf("full and deltas reach %d, the cluster is at %d", reached, head)
	}
}
