package clients

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// mirror is a copy of a cluster as clients keep it: it lists once, follows from there
// over every broken connection, and lists again only when etcd says that what it
// wants to follow was compacted.
type mirror struct {
	mu       sync.Mutex
	keys     map[string]string
	revision int64 // of what it has
	told     int   // how often it had to list again
}

func startMirror(t *testing.T, c *clientv3.Client) *mirror {
	t.Helper()
	k := &mirror{}
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() {
		for ctx.Err() == nil {
			if err := k.list(ctx, c); err == nil {
				k.follow(ctx, c)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	return k
}

func (k *mirror) list(ctx context.Context, c *clientv3.Client) error {
	r, err := c.Get(ctx, "\x00", clientv3.WithFromKey())
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.revision = map[string]string{}, r.Header.Revision
	for _, kv := range r.Kvs {
		k.keys[string(kv.Key)] = string(kv.Value)
	}
	return nil
}

// follow returns once the history was compacted, or with ctx.
func (k *mirror) follow(ctx context.Context, c *clientv3.Client) {
	for ctx.Err() == nil {
		watching, cancel := context.WithCancel(ctx)
		for r := range c.Watch(watching, "\x00", clientv3.WithFromKey(), clientv3.WithRev(k.at()+1)) {
			if errors.Is(r.Err(), rpctypes.ErrCompacted) {
				cancel()
				k.mu.Lock()
				k.told++
				k.mu.Unlock()
				return
			}
			k.apply(r)
		}
		cancel()
	}
}

func (k *mirror) apply(r clientv3.WatchResponse) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range r.Events {
		if k.revision = e.Kv.ModRevision; e.Type == clientv3.EventTypeDelete {
			delete(k.keys, string(e.Kv.Key))
		} else {
			k.keys[string(e.Kv.Key)] = string(e.Kv.Value)
		}
	}
}

func (k *mirror) at() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.revision
}

func (k *mirror) has() (keys map[string]string, told int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.keys), k.told
}

func (k *mirror) becomes(t *testing.T, want map[string]string) {
	t.Helper()
	inprocess.Eventually(t, "the mirror to be what etcd has", func() bool {
		keys, _ := k.has()
		return maps.Equal(keys, want)
	})
}

// acrossRestore restores a cluster to a revision that its client has long passed.
func acrossRestore(t *testing.T, keep bool) (*clientv3.Client, *mirror) {
	t.Helper()
	source := servers.StartEtcd(t, "etcd37", 1)
	m := source.Members[0]
	client := oracle.Connect(t, m.Endpoint)
	store, err := local.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := inprocess.StartBackup(t, m.Endpoint, store)
	put(t, client, "changes", "before")
	wanted := put(t, client, "goes", "before")
	k := startMirror(t, client)
	put(t, client, "changes", "after")
	if _, err := client.Delete(t.Context(), "goes"); err != nil {
		t.Fatal(err)
	}
	put(t, client, "comes", "after")
	k.becomes(t, map[string]string{"changes": "after", "comes": "after"})
	b.StoreEverything(t)
	b.AwaitDurable(t, wanted)
	b.Stop()
	restoreInPlace(t, m, store, wanted, keep)
	return client, k
}

func put(t *testing.T, c *clientv3.Client, key, value string) int64 {
	t.Helper()
	r, err := c.Put(t.Context(), key, value)
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Revision
}

// The revision is bumped and everything before it compacted, so a client that goes
// on from where it was is told, reads anew, and forgets what is not there any more.
func TestAClientIsToldOfARestore(t *testing.T) {
	client, k := acrossRestore(t, false)
	k.becomes(t, map[string]string{"changes": "before", "goes": "before"})
	if _, told := k.has(); told != 1 {
		t.Errorf("it had to list again %d times", told)
	}
	put(t, client, "new", "1")
	k.becomes(t, map[string]string{"changes": "before", "goes": "before", "new": "1"})
}

// Why that is: with the revisions as they were, the client waits for revisions that
// it has seen with other contents. It is not told, keeps what is gone, and misses
// what is written until the cluster passes the revision where it waits.
func TestWithoutTheBumpAClientIsNotTold(t *testing.T) {
	client, k := acrossRestore(t, true)
	for at := put(t, client, "missed", "1"); at < k.at(); {
		at = put(t, client, "missed too", "1")
	}
	put(t, client, "seen", "1")
	inprocess.Eventually(t, "a change beyond", func() bool {
		keys, _ := k.has()
		return keys["seen"] != ""
	})
	keys, told := k.has()
	var wrong []string
	for _, kv := range oracle.Keys(t, client, 0) {
		if keys[string(kv.Key)] != string(kv.Value) {
			wrong = append(wrong, string(kv.Key))
		}
	}
	if got := strings.Join(wrong, ", "); told != 0 || keys["comes"] != "after" || got != "changes, goes, missed, missed too" {
		t.Errorf("it was told %d times and has %v; wrong are %s", told, keys, got)
	}
}
