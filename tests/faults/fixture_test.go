// Package faults breaks things under a backup and a restore - the store, etcd,
// stored objects - and checks that nothing is lost in silence. Everything but
// the store is real unless a test says otherwise.
package faults

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/poll"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const (
	version  = "etcd37"
	patience = 90 * time.Second // so that a test cannot hang; nothing here needs as much
)

// sidecar is the backup duty of one member, in process.
type sidecar struct {
	*inprocess.Backup
	t      *testing.T
	state  *backup.State
	events *recorder
	stop   func()
}

func startBackup(t *testing.T, endpoint string, store ports.ObjectStore, change ...func(*backup.Config, *etcd.Config)) *sidecar {
	t.Helper()
	return startBackupAs(t, endpoint, store, func(s *inprocess.Setup) {
		for _, f := range change {
			f(&s.Backup, &s.Etcd)
		}
	})
}

// startBackupAs is startBackup with everything else that a test may change.
func startBackupAs(t *testing.T, endpoint string, store ports.ObjectStore, change func(*inprocess.Setup)) *sidecar {
	t.Helper()
	events := &recorder{}
	b := inprocess.StartBackup(t, endpoint, store, func(s *inprocess.Setup) {
		change(s)
		events.next, s.Observe = s.Observe, events
	})
	return &sidecar{Backup: b, t: t, state: b.State, events: events, stop: b.Stop}
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
	poll.Until(t, patience, func() string {
		if condition() {
			return ""
		}
		return what
	})
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

func restorer(store ports.ObjectStore) *restore.Restorer { return inprocess.NewRestorer(store) }

func tryRestore(t *testing.T, store ports.ObjectStore, epoch int, target int64) (string, restore.Result, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	res, err := restorer(store).Run(t.Context(), restore.Request{Epoch: epoch, Target: target, Dir: dir,
		Identity: inprocess.Identity(t, "default", "http://localhost:2380"), KeepRevisions: true, Force: true}, nil)
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
