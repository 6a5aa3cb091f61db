package compat

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/ports"
)

// Buckets at which a restore by etcd-backup-restore ends with an error or with
// another cluster than was meant.
func TestWhatTheReferenceCannotRestore(t *testing.T) {
	type restored struct {
		target  int64
		history string // whose content it must have
		last    int64  // what target must turn out to be
	}
	for _, tc := range []struct {
		name string
		fill func(b *bucket)
		want []restored
	}{
		{"a full that holds all of the first delta and more", func(b *bucket) {
			b.full("a", 10, 0, 25)
			b.delta("a", 11, 20)
			b.delta("a", 21, 30)
		}, []restored{{10, "a", 10}, {15, "a", 15}, {22, "a", 22}, {chain.Latest, "a", 30}, {4, "a", 4}}},
		{"deltas of two leaders that overlap", func(b *bucket) {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			b.delta("a", 11, 16)
			b.delta("a", 16, 24)
			b.delta("a", 25, 30)
		}, []restored{{14, "a", 14}, {22, "a", 22}, {chain.Latest, "a", 30}}},
		{"the newest full is damaged", func(b *bucket) {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			b.damage(b.full("a", 20, 15, 20))
			b.delta("a", 21, 30)
		}, []restored{{20, "a", 20}, {chain.Latest, "a", 30}}},
		{"a delta is missing, and the next full reaches back over it", func(b *bucket) {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			b.full("a", 40, 18, 41)
		}, []restored{{20, "a", 20}, {30, "a", 30}, {40, "a", 40}, {chain.Latest, "a", 41}}},
		{"a full that nothing follows, with more than its name says", func(b *bucket) { b.full("a", 10, 0, 15) },
			[]restored{{chain.Latest, "a", 15}, {10, "a", 10}}},
		{"a full that reaches beyond the delta after it", func(b *bucket) {
			b.full("a", 10, 0, 25)
			b.delta("a", 11, 20)
		}, []restored{{chain.Latest, "a", 25}, {20, "a", 20}}},
		{"the cluster was set back, and went another way", func(b *bucket) {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 30)
			b.full("b", 15, 0, 15)
			b.delta("b", 16, 20)
		}, []restored{{chain.Latest, "b", 20}, {18, "b", 18}, {28, "a", 28}}},
		{"a compaction job stored a full behind what is newer", func(b *bucket) {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			b.delta("a", 21, 30)
			b.full("a", 20, 12, 20)
		}, []restored{{25, "a", 25}, {chain.Latest, "a", 30}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBucket(t)
			tc.fill(b)
			for _, want := range tc.want {
				if hash, at, err := hashOf(t, b, want.target); err != nil || at != want.last {
					t.Errorf("revision %d: restored %d, %v", want.target, at, err)
				} else if hash != hashed(t, want.history, want.last) {
					t.Errorf("revision %d is not what history %s had at %d", want.target, want.history, want.last)
				}
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fill   func(b *bucket) (named string)
		target int64
		kind   fault.Kind
		says   string
	}{
		{"what a full turns out to have compacted", func(b *bucket) string { return b.full("a", 20, 12, 20) }, 8, fault.NotFound, "it goes back to revision 12"},
		{"a revision that nothing reaches", func(b *bucket) string {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			b.delta("a", 25, 30)
			return ""
		}, 28, fault.NotFound, "no object holds 21–24"},
		{"deltas without a full", func(b *bucket) string { b.delta("a", 11, 20); return "" }, chain.Latest, fault.NotFound, "no finished full"},
		{"two leaders that disagree", func(b *bucket) string {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			return b.delta("b", 16, 24)
		}, 24, fault.Diverged, "revision 16"},
		{"a lower full of another history, that nothing continues", func(b *bucket) string {
			b.full("a", 10, 0, 10)
			b.delta("a", 11, 20)
			b.delta("a", 21, 30)
			return b.full("b", 20, 0, 20)
		}, chain.Latest, fault.Diverged, "revision 1"},
		{"a full that holds less than its name says", func(b *bucket) string { return b.full("a", 20, 0, 18) }, 20, fault.Corrupt, "not what its name says"},
		{"a full that is cut off", func(b *bucket) string { path := b.full("a", 20, 0, 20); b.damage(path); return path }, 20, fault.Corrupt, "unexpected EOF"},
		{"a delta that is cut off", func(b *bucket) string {
			b.full("a", 10, 0, 10)
			path := b.delta("a", 11, 20)
			b.damage(path)
			return path
		}, 15, fault.Corrupt, "unexpected EOF"},
		{"an empty file where a delta should be", func(b *bucket) string {
			b.full("a", 10, 0, 10)
			path := b.delta("a", 11, 20)
			if err := os.Truncate(path, 0); err != nil {
				b.t.Fatal(err)
			}
			return path
		}, 15, fault.Corrupt, "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBucket(t)
			named := strings.TrimPrefix(tc.fill(b), b.dir+"/")
			_, _, err := hashOf(t, b, tc.target)
			if fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), named) {
				t.Errorf("%v", err)
			}
		})
	}
}

// hashOf rebuilds a revision of a bucket and returns its HashKV and which one it is.
func hashOf(t *testing.T, b *bucket, target int64) (hash uint32, at int64, err error) {
	t.Helper()
	builder := datadir.NewBuilder(t.TempDir())
	var staged ports.StagedSnapshot
	begin := func(ctx context.Context) (_ ports.StagedDatabase, err error) {
		staged, err = builder.Begin(ctx)
		return staged, err
	}
	err = restore.NewRebuilder(archive(t, b.dir), observer()).Run(t.Context(), restore.Point{Target: target}, begin, func(r restore.Rebuilt) error {
		h, err := staged.History(t.Context())
		if err != nil {
			return err
		}
		at = r.Plan.Target
		for last, err := range h.Backward() {
			if err != nil || last.Main != at {
				t.Errorf("the database goes on to revision %d, %v; wanted %d", last.Main, err, at)
			}
			break
		}
		hash, err = proof.HashKV(h, at, -1)
		return err
	})
	return hash, at, err
}

// hashed is the HashKV of a history that was never compacted.
func hashed(t *testing.T, name string, last int64) uint32 {
	t.Helper()
	hash, err := proof.HashKV(history(name, last), last, -1)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// counting counts how often each object is opened.
type counting struct {
	ports.ObjectStore
	mu     sync.Mutex
	opened map[string]int
}

func (c *counting) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c.mu.Lock()
	c.opened[key]++
	c.mu.Unlock()
	return c.ObjectStore.Open(ctx, key, offset, length)
}

// Nothing describes a delta, and a restore all the same reads each object once; of
// those that only repeat what it holds, too.
func TestEachObjectIsReadOnce(t *testing.T) {
	b := newBucket(t)
	b.full("a", 10, 0, 12)
	b.delta("a", 11, 20)
	b.delta("a", 13, 16) // what the one before holds
	b.delta("a", 21, 30)
	store, err := local.New(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{ObjectStore: store, opened: map[string]int{}}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := restore.New(gardener.New(c), datadir.Dirs{}, observer()).Run(t.Context(), identified(t, restore.Request{Target: chain.Latest, Dir: dir}), nil); err != nil {
		t.Fatal(err)
	}
	if len(c.opened) != 4 {
		t.Errorf("opened %v", c.opened)
	}
	for key, n := range c.opened {
		if n != 1 {
			t.Errorf("%s was opened %d times", key, n)
		}
	}
}
