package compat

import (
	"context"
	"crypto/sha256"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/proof"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/gardener"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// Every point of every fixture has etcd's own HashKV, and the very keys; and so it
// has in the older layout and in every wrapper.
func TestGardenerAtEachRevision(t *testing.T) {
	for _, name := range fixtures {
		store, want := fixture(t, name)
		t.Run(name, func(t *testing.T) { atEachRevision(t, store, want) })
	}
	store, want := fixture(t, fixtures[0])
	for _, anew := range []struct{ layout, wrapper string }{{"v2", ".Z"}, {"v1", ""}, {"v1", ".gz"}, {"v1", ".Z"}, {"v1", ".zlib"}} {
		t.Run("written anew as "+anew.layout+anew.wrapper, func(t *testing.T) {
			atEachRevision(t, rewritten(t, store, anew.layout, anew.wrapper), want)
		})
	}
}

func atEachRevision(t *testing.T, store string, want expectation) {
	rebuilder := restore.NewRebuilder(archive(t, store), observer())
	builder := datadir.NewBuilder(t.TempDir())
	for _, p := range want.Points {
		var staged ports.StagedSnapshot
		begin := func(ctx context.Context) (_ ports.StagedDatabase, err error) {
			staged, err = builder.Begin(ctx)
			return staged, err
		}
		err := rebuilder.Run(t.Context(), restore.Point{Target: p.Revision}, begin, func(restore.Rebuilt) error {
			history, err := staged.History(t.Context())
			if err != nil {
				return err
			}
			got := living(t, history)
			got.Revision, got.Compact = p.Revision, p.Compact
			got.HashKV, err = proof.HashKV(history, p.Revision, p.Compact)
			if got != p {
				t.Errorf("got  %+v\nwant %+v", got, p)
			}
			return err
		})
		if err != nil {
			t.Errorf("revision %d: %v", p.Revision, err)
		}
	}
}

// living summarises the keys that live at the end of a history.
func living(t *testing.T, h proof.History) point {
	t.Helper()
	keys := map[string]*mvccpb.KeyValue{}
	for r, err := range h.Forward() {
		if err != nil {
			t.Fatal(err)
		}
		kv := &mvccpb.KeyValue{}
		if err := proto.Unmarshal(r.KeyValue, kv); err != nil {
			t.Fatal(err)
		}
		if keys[string(kv.Key)] = kv; r.Tombstone {
			delete(keys, string(kv.Key))
		}
	}
	s := summary{hash: sha256.New()}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		s.add(keys[key])
	}
	return s.result()
}

// A revision that only the full's own history holds is restored from it, and what
// etcd would have answered there follows from its first changes.
func TestGardenerBeforeTheFull(t *testing.T) {
	store, want := fixture(t, fixtures[0])
	dir := filepath.Join(t.TempDir(), "data")
	res := restoreInto(t, store, restore.Request{Target: 30, Dir: dir, KeepRevisions: true, Force: true, Defragment: true})
	if !res.Plan.DropsNewer() || len(res.Plan.Deltas) != 0 || res.Plan.Base.First != 0 {
		t.Errorf("plan %+v", res.Plan)
	}
	client := oracle.Connect(t, servers.StartRestored(t, "etcd35", dir))
	whole := filepath.Join(t.TempDir(), "data")
	restoreInto(t, store, restore.Request{Target: want.Last, Dir: whole, KeepRevisions: true, DefaultLeaseTTL: 3600})
	source := oracle.Connect(t, servers.StartRestored(t, "etcd35", whole))
	oracle.SameAt(t, source, client, 30)
	served(t, source, want)
}

// served compares what a member with the whole history answers at each revision.
func served(t *testing.T, c *clientv3.Client, want expectation) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, p := range want.Points {
		hash, err := c.HashKV(ctx, c.Endpoints()[0], p.Revision)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Get(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(p.Revision))
		if err != nil {
			t.Fatal(err)
		}
		s := summary{hash: sha256.New(), point: point{Revision: p.Revision, HashKV: hash.Hash, Compact: hash.CompactRevision}}
		for _, kv := range r.Kvs {
			s.add(kv)
		}
		if got := s.result(); got != p {
			t.Errorf("etcd answers %+v\nthe source did  %+v", got, p)
		}
	}
}

// Leases that were granted after the full get the TTL that was asked for, and keep
// their keys; the one that the full knows keeps its own. It is said how many.
func TestGardenerLeases(t *testing.T) {
	store, want := fixture(t, "gardener-zlib")
	dir := filepath.Join(t.TempDir(), "data")
	res := restoreInto(t, store, restore.Request{Target: want.Last, Dir: dir, KeepRevisions: true, DefaultLeaseTTL: 777})
	client := oracle.Connect(t, servers.StartRestored(t, "etcd35", dir))
	served(t, client, want)
	ttls := map[int64]int{}
	for _, id := range leasesOf(t, client) {
		ttls[oracle.LeaseTTL(t, client, id)]++
	}
	if ttls[777] == 0 || ttls[-1] > 0 || res.Finished.LeasesDefaulted < ttls[777] {
		t.Errorf("granted TTLs of the living keys' leases %v, %d got the default", ttls, res.Finished.LeasesDefaulted)
	}
	told := rule.DefaultedLeases(res.Finished.LeasesDefaulted, 777)
	if !slices.Contains(res.Warnings, told) {
		t.Errorf("told %q", res.Warnings)
	}
}

func leasesOf(t *testing.T, c *clientv3.Client) []int64 {
	t.Helper()
	r, err := c.Get(t.Context(), "\x00", clientv3.WithFromKey())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[int64]bool{}
	for _, kv := range r.Kvs {
		if kv.Lease != 0 {
			ids[kv.Lease] = true
		}
	}
	return slices.Collect(maps.Keys(ids))
}

func restoreInto(t *testing.T, store string, req restore.Request) restore.Result {
	t.Helper()
	res, err := restore.New(archive(t, store), datadir.Dirs{}, observer()).Run(t.Context(), identified(t, req), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// identified is a request for a cluster of one.
func identified(t *testing.T, req restore.Request) restore.Request {
	req.Identity = inprocess.Identity(t, "default", "http://localhost:2380")
	return req
}

// A moment means the newest revision that the deltas say was seen by then. What
// only a name tells counts from the end of its second.
func TestGardenerMoments(t *testing.T) {
	store, _ := fixture(t, "gardener-raw")
	r := restore.New(archive(t, store), datadir.Dirs{}, observer())
	for _, tc := range []struct {
		name, at string
		want     int64
	}{
		{"in the second in which the full was named", "2026-11-22T16:10:41.5Z", 0},
		{"after it, before the first change that a delta saw", "2026-11-22T16:10:42Z", 62},
		{"between the first two changes", "2026-11-22T16:10:42.1Z", 63},
		{"between two deltas", "2026-11-22T16:10:45Z", 84},
		{"after everything", "2026-11-23T00:00:00Z", 133},
	} {
		at, err := time.Parse(time.RFC3339Nano, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Moment(t.Context(), 0, at)
		if m.Revision != tc.want || (err != nil) != (tc.want == 0) {
			t.Errorf("%s: revision %d, %v; want %d", tc.name, m.Revision, err, tc.want)
		}
	}
}

// rewritten copies the content of a raw fixture into another layout and wrapper.
func rewritten(t *testing.T, store, layout, wrapper string) string {
	t.Helper()
	dir := t.TempDir()
	into := filepath.Join(dir, layout)
	if layout == "v1" {
		into = filepath.Join(into, "Backup-1795363840")
	}
	files, err := filepath.Glob(filepath.Join(store, "v2", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		plain, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, filepath.Base(file)+wrapper), gardener.Wrap(t, plain, wrapper), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
