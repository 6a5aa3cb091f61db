// Package oracle compares what two etcd clusters answer.
package oracle

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const patience = 2 * time.Minute

// Connect returns a client of one endpoint, closed with the test.
func Connect(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: patience})
	if err != nil {
		t.Fatalf("connect to %v: %v", endpoints, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// HashKV asks a member for its hash at a revision.
func HashKV(t testing.TB, c *clientv3.Client, revision int64) (hash uint32, compact int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := c.HashKV(ctx, c.Endpoints()[0], revision)
	if err != nil {
		t.Fatalf("HashKV of %s at %d: %v", c.Endpoints()[0], revision, err)
	}
	return r.Hash, r.CompactRevision
}

// Revision returns the cluster's revision.
func Revision(t testing.TB, c *clientv3.Client) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := c.Get(ctx, "\x00")
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Revision
}

// SameAt fails the test unless restored is what source was at revision: at that
// very revision, with the same HashKV and with every key the same in value,
// create and mod revision, version and lease.
func SameAt(t testing.TB, source, restored *clientv3.Client, revision int64) {
	t.Helper()
	if got := Revision(t, restored); got != revision {
		t.Errorf("restored cluster is at revision %d, want %d", got, revision)
	}
	wantHash, wantCompact := HashKV(t, source, revision)
	gotHash, gotCompact := HashKV(t, restored, revision)
	if gotHash != wantHash {
		t.Errorf("HashKV at %d is %d (compacted at %d), the source answered %d (%d)", revision, gotHash, gotCompact, wantHash, wantCompact)
	}
	SameKeys(t, source, restored, revision)
	t.Logf("revision %d: HashKV %d equal", revision, wantHash)
}

// SameKeys compares every key of source at revision with every key that
// restored has now.
func SameKeys(t testing.TB, source, restored *clientv3.Client, revision int64) {
	t.Helper()
	want, got := all(t, source, revision), all(t, restored, 0)
	if len(want) != len(got) {
		t.Errorf("%d keys restored, the source had %d at revision %d", len(got), len(want), revision)
	}
	for i := range min(len(want), len(got)) {
		if w, g := describe(want[i]), describe(got[i]); w != g {
			t.Fatalf("key %d is\n%s\nthe source had\n%s", i, g, w)
		}
	}
}

// page is how many keys are read at once.
const page = 10_000

func all(t testing.TB, c *clientv3.Client, revision int64) []*mvccpb.KeyValue {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out []*mvccpb.KeyValue
	from := "\x00"
	for {
		// etcd counts all that follow for each page, so pages are large.
		r, err := c.Get(ctx, from, clientv3.WithFromKey(), clientv3.WithRev(revision), clientv3.WithLimit(page))
		if err != nil {
			t.Fatalf("read keys of %v at %d: %v", c.Endpoints(), revision, err)
		}
		out = append(out, r.Kvs...)
		if !r.More {
			return out
		}
		from = string(r.Kvs[len(r.Kvs)-1].Key) + "\x00"
	}
}

func describe(kv *mvccpb.KeyValue) string {
	return fmt.Sprintf("%q create %d mod %d version %d lease %x value %d bytes %q", kv.Key, kv.CreateRevision, kv.ModRevision,
		kv.Version, kv.Lease, len(kv.Value), kv.Value[:min(len(kv.Value), 80)])
}

// LeaseTTL returns the granted TTL in seconds, -1 for a lease that is gone.
func LeaseTTL(t testing.TB, c *clientv3.Client, id int64) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := c.TimeToLive(ctx, clientv3.LeaseID(id))
	if err != nil {
		t.Fatal(err)
	}
	return r.GrantedTTL
}
