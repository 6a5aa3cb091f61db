package restore

import (
	"context"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/stored"
)

// counted is a store that counts what it is asked about each kind of object.
type counted struct {
	ports.ObjectStore
	mu    sync.Mutex
	asked map[string]int
}

func (c *counted) note(op, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := "other"
	if strings.Contains(key, "/delta/") {
		kind = "delta"
	}
	c.asked[op+" "+kind]++
}

func (c *counted) Stat(ctx context.Context, key string) (ports.Object, error) {
	c.note("stat", key)
	return c.ObjectStore.Stat(ctx, key)
}

func (c *counted) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.note("open", key)
	return c.ObjectStore.Open(ctx, key, offset, length)
}

func (c *counted) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	c.note("list", prefix)
	return c.ObjectStore.List(ctx, prefix, after)
}

// TestARestoreReadsEachDescriptionOnce though it looks at all of them before it
// applies one: three requests a delta are its size, its end and its records.
func TestARestoreReadsEachDescriptionOnce(t *testing.T) {
	store := &counted{ObjectStore: fake.NewObjectStore(), asked: map[string]int{}}
	b := stored.New(t, store)
	at := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	epoch := b.Begin(2, at)
	b.Full(epoch, 0, 50, at, true)
	const deltas = 100
	for i := range int64(deltas) {
		b.Delta(epoch, 51+i*5, 55+i*5, at.Add(time.Duration(i)*time.Minute))
	}
	clear(store.asked)
	inprocess.Restore(t, store, restore.Request{Target: 50 + 5*deltas})
	t.Log(store.asked)
	if store.asked["stat delta"] != deltas || store.asked["open delta"] != 2*deltas || store.asked["list other"] != 1 {
		t.Errorf("for %d deltas the store was asked %v", deltas, store.asked)
	}
}
