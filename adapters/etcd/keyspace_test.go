package etcd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// TestKeyspace writes keys under guard, each of which holds for itself.
func TestKeyspace(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	ctx := t.Context()
	put := func(key, value string) int64 {
		t.Helper()
		r, err := c.Put(ctx, key, value)
		if err != nil {
			t.Fatal(err)
		}
		return r.Header.Revision
	}
	first := put("a", "1")
	second := put("a", "2")
	look := func(revision int64, keys ...string) string {
		t.Helper()
		var asked [][]byte
		for _, k := range keys {
			asked = append(asked, []byte(k))
		}
		live, err := clients.Keyspace.Look(ctx, asked, revision)
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, l := range live {
			parts = append(parts, fmt.Sprintf("%d:%s", l.Mod, l.Value))
		}
		return strings.Join(parts, " ")
	}
	if got, want := look(0, "b", "a"), fmt.Sprintf("0: %d:2", second); got != want {
		t.Errorf("now %s, want %s", got, want)
	}
	if got, want := look(first, "a", "b"), fmt.Sprintf("%d:1 0:", first); got != want {
		t.Errorf("before %s, want %s", got, want)
	}

	id := int64(0x7000_0000_0000_0001)
	for range 2 { // one that exists is no error
		if err := clients.Keyspace.Grant(ctx, id, 600); err != nil {
			t.Fatal(err)
		}
	}
	if l, err := clients.Cluster.LeaseTTL(ctx, id); err != nil || l.TTL != 600 {
		t.Errorf("%+v, %v", l, err)
	}

	done, revision, err := clients.Keyspace.Put(ctx, []extract.Put{
		{Key: []byte("a"), Value: []byte("stale"), Mod: first},
		{Key: []byte("b"), Value: []byte("new"), Lease: id},
		{Key: []byte("c"), Value: []byte("gone"), Mod: second},
		{Key: []byte("d"), Value: nil, Mod: first, Force: true},
	})
	if err != nil || fmt.Sprint(done) != "[false true false true]" || revision != second+1 {
		t.Fatalf("%v at %d, %v", done, revision, err)
	}
	if got, want := look(0, "a", "b", "c", "d"), fmt.Sprintf("%d:2 %d:new 0: %d:", second, revision, revision); got != want {
		t.Errorf("after %s, want %s", got, want)
	}
	if r, err := c.Get(ctx, "b"); err != nil || r.Kvs[0].Lease != id {
		t.Errorf("%v, %v", r, err)
	}
	if done, revision, err = clients.Keyspace.Put(ctx, []extract.Put{{Key: []byte("a"), Value: []byte("3"), Mod: second}}); err != nil || !done[0] || revision != second+2 {
		t.Errorf("%v at %d, %v", done, revision, err)
	}

	// As many at once as the rule allows, and a value as large as etcd takes.
	var many []extract.Put
	for i := range extract.MaxPuts {
		many = append(many, extract.Put{Key: fmt.Appendf(nil, "many/%d", i), Value: []byte("x")})
	}
	if done, _, err := clients.Keyspace.Put(ctx, many); err != nil || len(done) != len(many) || !done[len(many)-1] {
		t.Errorf("%d at once: %v", len(many), err)
	}
	large := extract.Put{Key: []byte("large"), Value: make([]byte, 1400<<10)}
	if done, _, err := clients.Keyspace.Put(ctx, []extract.Put{large}); err != nil || !done[0] {
		t.Errorf("a large value: %v", err)
	}
	for _, size := range []int{1600 << 10, 3 << 20} { // one that etcd refuses, and one that its gRPC does
		large = extract.Put{Key: []byte("larger"), Value: make([]byte, size)}
		if _, _, err := clients.Keyspace.Put(ctx, []extract.Put{large}); !errors.Is(err, fault.Invalid) || !errors.Is(err, extract.ErrTooLarge) {
			t.Errorf("a value of %d bytes: %v", size, err)
		}
	}
	if _, _, err := clients.Keyspace.Put(ctx, []extract.Put{{Key: []byte("leased"), Lease: 12345}}); !errors.Is(err, fault.NotFound) {
		t.Errorf("a lease that is not: %v", err)
	}
	if _, err := c.Compact(ctx, second, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Keyspace.Look(ctx, [][]byte{[]byte("a")}, first); !errors.Is(err, fault.NotFound) {
		t.Errorf("a compacted revision: %v", err)
	}
	e.Members[0].Kill()
	if _, _, err := clients.Keyspace.Put(ctx, many[:1]); !errors.Is(err, fault.Unavailable) {
		t.Errorf("nobody is there: %v", err)
	}
}
