// Package inprocess runs the use-cases in the process of a test, on real parts:
// the backup duty of one member, and a restore.
package inprocess

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/application/backup"
	proofs "github.com/revkeeper/revkeeper/application/proof"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/poll"
)

// patience bounds what takes a second, so that nothing hangs.
const patience = time.Minute

// Backup is the backup duty of one member.
type Backup struct {
	*backup.Backup
	State  *backup.State
	Taker  *takefull.Taker
	Guard  *proofs.Guard // the writer that the duty has
	Ledger *proofs.Ledger
	// Stop ends the duty, what is pending dropped, and waits for its end. It may be
	// called twice; the test's cleanup calls it.
	Stop func()
}

// Setup is what a test may change about a duty.
type Setup struct {
	Backup  backup.Config
	Etcd    etcd.Config
	Observe ports.Observer
	// Watcher and Cluster, if not nil, are put around the watcher and the cluster.
	Watcher func(ports.Watcher) ports.Watcher
	Cluster func(ports.Cluster) ports.Cluster
}

// Config flushes every 100 ms and is quick to try again.
func Config() backup.Config {
	return backup.Config{
		Flush: schedule.Flush{Age: 100 * time.Millisecond, Bytes: 4 << 20},
		Retry: schedule.Backoff{Min: 50 * time.Millisecond, Max: 200 * time.Millisecond}, CatchUp: 30_000,
		Spill: 1 << 30, SpillMemory: 32 << 20,
		HeadInterval: 200 * time.Millisecond, AuthInterval: 200 * time.Millisecond, CallTimeout: 5 * time.Second,
	}
}

// StartBackup starts the duty beside the member at endpoint, with Config unless
// change does otherwise.
func StartBackup(t testing.TB, endpoint string, store ports.ObjectStore, change ...func(*Setup)) *Backup {
	t.Helper()
	log := Log(t)
	s := Setup{Backup: Config(), Etcd: etcd.Config{Endpoint: endpoint}, Observe: eventlog.Logger(log)}
	for _, f := range change {
		f(&s)
	}
	clients, err := etcd.Dial(s.Etcd, log)
	if err != nil {
		t.Fatal(err)
	}
	spool := t.TempDir()
	writer, err := revkeeper.NewWriter(store, spool)
	if err != nil {
		t.Fatal(err)
	}
	var watcher ports.Watcher = clients.Watcher
	if s.Watcher != nil {
		watcher = s.Watcher(watcher)
	}
	ledger := proofs.NewLedger()
	guard := proofs.NewGuard(writer, ledger)
	var cl ports.Cluster = clients.Cluster
	if s.Cluster != nil {
		cl = s.Cluster(cl)
	}
	notBusy := func(context.Context, cluster.ID, string, time.Time) func() { return func() {} }
	sign := func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{MemberID: "test"}, nil }
	taker := takefull.NewTaker(clients.Cluster, clients.Maintenance, fullspool.New(spool), guard, s.Observe, notBusy)
	b := &Backup{State: backup.NewState(), Taker: taker, Guard: guard, Ledger: ledger}
	b.Backup = backup.New(s.Backup, sign, revkeeper.New(store), guard, cl, watcher, taker, s.Observe, b.State)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("backup ended with %v", err)
		}
		_ = clients.Close()
	})
	t.Cleanup(b.Stop)
	return b
}

// AwaitDurable waits until the store has the cluster up to revision, its base
// included.
func (b *Backup) AwaitDurable(t testing.TB, revision int64) {
	t.Helper()
	Eventually(t, "the backup to reach the revision", func() bool {
		s := b.State.Backup()
		return s.Durable >= revision && s.LastFull != nil
	})
}

// StoreEverything waits until the store has everything that the cluster has now.
func (b *Backup) StoreEverything(t testing.TB) {
	t.Helper()
	var err error
	Eventually(t, "a delta of everything", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err = b.TakeDelta(ctx)
		return err == nil
	})
}

// Eventually polls until condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	poll.Until(t, patience, func() string {
		if condition() {
			return ""
		}
		return what
	})
}

// Log writes into the test's log while the test runs.
func Log(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(testWriter{t}, nil)) }

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(string(p[:len(p)-1]))
	}
	return len(p), nil
}
