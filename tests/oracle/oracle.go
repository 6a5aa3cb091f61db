// Package oracle compares what two etcd clusters answer.
package oracle

import (
	"context"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const patience = 2 * time.Minute

// Connect returns a silent client of a cluster's endpoints, closed with the test.
func Connect(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: patience, Logger: zap.NewNop()})
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
	if why := Difference(Keys(t, source, revision), Keys(t, restored, 0)); why != "" {
		t.Fatalf("restored to revision %d: %s", revision, why)
	}
}

// Difference says how what was restored differs from what the source had, by the
// first key that does; "" for not at all.
func Difference(source, restored []*mvccpb.KeyValue) string {
	for i := range min(len(source), len(restored)) {
		if s, r := describe(source[i]), describe(restored[i]); s != r {
			return fmt.Sprintf("key %d is\n%s\nthe source had\n%s", i, r, s)
		}
	}
	if len(source) != len(restored) {
		return fmt.Sprintf("%d keys, the source had %d", len(restored), len(source))
	}
	return ""
}

// page is how many keys are read at once.
const page = 10_000

// Keys returns every key at a revision, in order; 0 for now.
func Keys(t testing.TB, c *clientv3.Client, revision int64) []*mvccpb.KeyValue {
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
	return fmt.Sprintf("%q create %d mod %d version %d lease %x value %d bytes, CRC %08x, %q", kv.Key, kv.CreateRevision, kv.ModRevision,
		kv.Version, kv.Lease, len(kv.Value), crc32.ChecksumIEEE(kv.Value), kv.Value[:min(len(kv.Value), 80)])
}

// LeaseTTL returns the granted TTL in seconds, 0 for a lease that is gone.
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
