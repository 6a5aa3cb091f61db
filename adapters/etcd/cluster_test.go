package etcd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/tests/contract/watcher"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// versions are the releases that the adapter serves.
var versions = []string{"etcd35", "etcd36", "etcd37"}

func TestHeadAndHashKVFollowTheHistory(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			e := servers.StartEtcd(t, version, 1)
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			ctx := t.Context()
			empty, err := clients.Cluster.Head(ctx)
			if err != nil || empty.Revision != 1 || empty.Compact != 0 {
				t.Fatalf("head of an empty cluster: %+v, %v", empty, err)
			}
			last := watcher.Write(t, c)
			me := members(t, clients)[0]
			if _, err := c.Compact(ctx, last-5); err != nil {
				t.Fatal(err)
			}
			head, err := clients.Cluster.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if head.Revision != last || head.Compact != last-5 || head.Raft.Before(empty.Raft) || head.Raft.Index == empty.Raft.Index || head.ClusterID != empty.ClusterID {
				t.Errorf("head %+v after %+v; want revision %d compacted at %d", head, empty, last, last-5)
			}
			hash, err := clients.Maintenance.HashKV(ctx, me, last)
			if err != nil || hash.Revision != last || hash.Compact != last-5 || hash.HashKV == 0 {
				t.Errorf("%v, %v", hash, err)
			}
			if _, err := clients.Maintenance.HashKV(ctx, me, last+1); !errors.Is(err, fault.Unavailable) {
				t.Errorf("a hash to come: got %v, want Unavailable", err)
			}
			if _, err := clients.Maintenance.HashKV(ctx, me, 2); !errors.Is(err, fault.NotFound) {
				t.Errorf("a compacted hash: got %v, want NotFound", err)
			}
			w, err := clients.Watcher.Watch(ctx, last-4)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if changes, err := w.Next(); err != nil || changes.Records[0].Main != last-4 {
				t.Errorf("%+v, %v", changes, err)
			}
		})
	}
}

func TestWatchEqualsTheDatabaseOfEachVersion(t *testing.T) {
	for _, version := range versions[:2] { // the contract runs the newest
		t.Run(version, func(t *testing.T) {
			e := servers.StartEtcd(t, version, 1)
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			last := watcher.Write(t, writer(t, clientv3.Config{Endpoints: e.Endpoints()}))
			watcher.Equal(t, watchUntil(t, clients, 2, last), database(t, clients, caughtUp(t, clients)))
		})
	}
}

func TestLeases(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	granted, err := c.Grant(t.Context(), 123)
	if err != nil {
		t.Fatal(err)
	}
	id := int64(granted.ID)
	want := snapshot.Lease{ID: id, State: snapshot.LeaseGranted, TTL: 123}
	if got, err := clients.Cluster.LeaseTTL(t.Context(), id); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Revoke(t.Context(), granted.ID); err != nil {
		t.Fatal(err)
	}
	want = snapshot.Lease{ID: id, State: snapshot.LeaseGone}
	if got, err := clients.Cluster.LeaseTTL(t.Context(), id); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSnapshotIsTheDatabaseAndItsChecksum(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
	watcher.Write(t, writer(t, clientv3.Config{Endpoints: e.Endpoints()}))
	stream, err := clients.Maintenance.Snapshot(t.Context(), members(t, clients)[0])
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(stream)
	if err := errors.Join(err, stream.Close(), stream.Close()); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(all[:len(all)-sha256.Size]); !bytes.Equal(sum[:], all[len(all)-sha256.Size:]) {
		t.Errorf("%d bytes do not end in their checksum", len(all))
	}
}

func TestASnapshotThatBreaksIsNoSnapshot(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cut   func(m *servers.EtcdMember, cancel func(), stream io.Closer)
		cause error
	}{
		{"the member is killed", func(m *servers.EtcdMember, _ func(), _ io.Closer) { m.Kill() }, nil},
		{"the context ends", func(_ *servers.EtcdMember, cancel func(), _ io.Closer) { cancel() }, context.Canceled},
		{"it is closed", func(_ *servers.EtcdMember, _ func(), s io.Closer) { _ = s.Close() }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := servers.StartEtcd(t, "etcd37", 1)
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			for range 30 { // more than the connection's window holds
				if _, err := c.Put(t.Context(), "k", strings.Repeat("x", 1<<20)); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stream, err := clients.Maintenance.Snapshot(ctx, members(t, clients)[0])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, stream, 64<<10); err != nil {
				t.Fatal(err)
			}
			tc.cut(e.Members[0], cancel, stream)
			_, err = io.Copy(io.Discard, stream)
			if !errors.Is(err, fault.Unavailable) || tc.cause != nil && !errors.Is(err, tc.cause) {
				t.Errorf("got %v, want Unavailable", err)
			}
		})
	}
}

func TestALearnerGivesStatusAndSnapshot(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	last := watcher.Fill(t, c, 100)
	learner := e.AddLearner(t, "etcd37", func(peerURL string) error {
		_, err := c.MemberAddAsLearner(t.Context(), []string{peerURL})
		return err
	})
	alone := dial(t, etcd.Config{Endpoint: learner.Endpoint})
	eventually(t, "the learner caught up", func() error {
		s, err := alone.Member.Status(t.Context())
		if err == nil && (!s.Learner || s.Revision < last) {
			err = errors.New("not yet")
		}
		return err
	})
	if _, err := alone.Cluster.Head(t.Context()); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "clusterEndpoints") {
		t.Errorf("got %v, want Unavailable with the remedy", err)
	}
	with := dial(t, etcd.Config{Endpoint: learner.Endpoint, ClusterEndpoints: []string{e.Members[0].Endpoint}})
	if head, err := with.Cluster.Head(t.Context()); err != nil || head.Revision != last {
		t.Errorf("head %+v, %v", head, err)
	}
	for _, m := range members(t, with) {
		if m.Learner {
			watcher.Equal(t, database(t, with, m), database(t, with, caughtUp(t, with)))
		}
	}
	if got := watchUntil(t, with, 2, last); len(got) != 100 {
		t.Errorf("%d records through the voter, want 100", len(got))
	}
}

func TestTheClusterOutlivesTheOwnMember(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 3)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint, DialTimeout: time.Second})
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()[1:]})
	last := watcher.Fill(t, c, 100)
	members(t, clients) // they are remembered from now on
	e.Members[0].Kill()
	eventually(t, "a head through the others", func() error {
		head, err := clients.Cluster.Head(t.Context())
		if err == nil && head.Revision != last {
			t.Fatalf("head %+v, want revision %d", head, last)
		}
		return err
	})
	e.Members[1].Pause()
	defer e.Members[1].Resume()
	eventually(t, "the quorum is missed", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := clients.Cluster.Head(ctx)
		if err == nil {
			return errors.New("still a head")
		}
		if !errors.Is(err, fault.Unavailable) {
			t.Fatalf("got %v, want Unavailable", err)
		}
		return nil
	})
}

func TestAWatchPrefersAFollower(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 3)
	for _, m := range e.Members {
		clients := dial(t, etcd.Config{Endpoint: m.Endpoint})
		w, err := clients.Watcher.Watch(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		if s, err := clients.Member.Status(t.Context()); err != nil || s.Leader == w.Member() {
			t.Errorf("the leader %s serves the watch, %v", s.Leader, err)
		}
	}
}

func TestAHugeRevisionNeedsLittleMemory(t *testing.T) {
	for _, tc := range []struct {
		name  string
		keys  int
		limit int // of a response in one piece, 0 for what is usual
		bound int64
	}{
		{"in one piece", 100_000, 0, 64 << 20},
		{"in pieces", 20_000, 1 << 20, memoryBound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := servers.StartEtcd(t, "etcd36", 1) // fragments thrice as fast as 3.7
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			if tc.limit != 0 {
				etcd.LimitResponses(clients.Watcher, tc.limit)
			}
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			last := watcher.Fill(t, c, tc.keys)
			w, err := clients.Watcher.Watch(t.Context(), last+1)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { w.Close() }()
			idle := heap()
			if _, err := c.Delete(t.Context(), "fill/", clientv3.WithPrefix()); err != nil {
				t.Fatal(err)
			}
			peak, seen, responses, broken := uint64(0), 0, 0, 0
			for seen < tc.keys {
				changes, err := w.Next()
				if errors.Is(err, fault.Unavailable) && broken == 0 && seen == 0 {
					// Too large for one piece: the next watch brings it in several.
					broken++
					w.Close()
					if w, err = clients.Watcher.Watch(t.Context(), last+1); err == nil {
						continue
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				responses++
				seen += len(changes.Records)
				if changes.Open != (seen < tc.keys) {
					t.Errorf("after %d of %d records Open is %v", seen, tc.keys, changes.Open)
				}
				peak = max(peak, heap())
			}
			grown := int64(peak) - int64(idle)
			t.Logf("%d deletions in %d responses; heap grew by %.1f MiB", seen, responses, float64(grown)/(1<<20))
			if pieces := responses > 1; pieces != (tc.limit != 0) || broken > 0 != pieces {
				t.Errorf("%d responses after %d breaks", responses, broken)
			}
			if grown > tc.bound {
				t.Errorf("the heap grew by %d bytes, more than %d", grown, tc.bound)
			}
		})
	}
}

// memoryBound covers the stream's window, one response and its records.
const memoryBound = 12 << 20

// A reader that stops must stop the member, not fill our memory, and still get
// everything when it goes on.
func TestASlowReaderHoldsAFewMegabytes(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	w, err := clients.Watcher.Watch(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	idle := heap()
	const puts = 64
	for range puts {
		if _, err := c.Put(t.Context(), "k", strings.Repeat("x", 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	// Other questions on the same connection are answered all the while.
	if compact, err := w.CompactRevision(t.Context()); err != nil || compact != 0 {
		t.Errorf("compact revision %d, %v", compact, err)
	}
	peak := heap()
	for seen := 0; seen < puts; {
		changes, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		seen += len(changes.Records)
		peak = max(peak, heap())
	}
	grown := int64(peak) - int64(idle)
	t.Logf("%d MiB were waiting; heap grew by %.1f MiB", puts, float64(grown)/(1<<20))
	if grown > memoryBound {
		t.Errorf("the heap grew by %d bytes, more than %d", grown, memoryBound)
	}
}
