package revkeeper_test

import (
	"context"
	"iter"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/archive"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func TestContractOfTheWarmArchive(t *testing.T) {
	contract.Run(t, "revkeeper, warm", func(t *testing.T, s ports.ObjectStore) contract.Pair {
		p := open(t, s)
		return contract.Pair{Archive: revkeeper.NewWarm(revkeeper.New(s)), ArchiveWriter: p.ArchiveWriter, ArchiveCompactor: p.ArchiveCompactor}
	})
}

// counting counts what listings yield.
type counting struct {
	ports.ObjectStore
	listed int
}

func (c *counting) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) {
		for o, err := range c.ObjectStore.List(ctx, prefix, after) {
			c.listed++
			if !yield(o, err) {
				return
			}
		}
	}
}

// crowd fills a bucket with two timelines of many deltas each.
type crowd struct {
	t     *testing.T
	store *fake.ObjectStore
	count *counting
	warm  *revkeeper.Warm
	cold  *revkeeper.Archive
}

const many = 1300

func newCrowd(t *testing.T) *crowd {
	s := fake.NewObjectStore()
	c := &crowd{t: t, store: s, count: &counting{ObjectStore: s}, cold: revkeeper.New(s)}
	c.warm = revkeeper.NewWarm(revkeeper.New(c.count))
	for epoch := 1; epoch <= 2; epoch++ {
		if _, err := open(t, s).Begin(t.Context(), timeline.Timeline{First: 1, Reason: "test"}); err != nil {
			t.Fatal(err)
		}
		for i := range int64(many) {
			c.put(delta(epoch, 1+i, 1+i))
		}
	}
	return c
}

func delta(epoch int, first, last int64) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.KindDelta, Epoch: epoch, First: first, Last: last, At: contract.At, ID: "0123456789abcdef"}
}

func (c *crowd) put(r snapshot.Ref) {
	c.t.Helper()
	if err := c.store.Create(c.t.Context(), r.Key(), strings.NewReader("x"), 1); err != nil {
		c.t.Fatal(err)
	}
}

// look lists warm, and compares with a listing of everything.
func (c *crowd) look(when string) (listed int, same bool) {
	c.t.Helper()
	c.count.listed = 0
	warm, err := c.warm.Catalogue(c.t.Context())
	if err != nil {
		c.t.Fatalf("%s: %v", when, err)
	}
	cold, err := c.cold.Catalogue(c.t.Context())
	if err != nil {
		c.t.Fatalf("%s: %v", when, err)
	}
	return c.count.listed, reflect.DeepEqual(warm, cold)
}

func TestOnlyWhatMayBeNewIsListedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		if n, same := c.look("at first"); n < 2*many || !same {
			t.Fatalf("at first %d objects are listed, the same: %v", n, same)
		}
		full := snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 7, At: contract.At, ID: "0a1b2c3d", Compression: snapshot.Zstd}
		for _, step := range []struct {
			name string
			add  []snapshot.Ref
		}{
			{"nothing is new", nil},
			{"a delta follows", []snapshot.Ref{delta(2, many+1, many+1)}},
			{"one overlaps, out of order", []snapshot.Ref{delta(2, many-10, many-5)}},
			{"a full of long ago is finished", []snapshot.Ref{full, full.Manifest()}},
			{"one of the older timeline", []snapshot.Ref{delta(1, many+1, many+9)}},
			{"a timeline without a description", []snapshot.Ref{delta(3, 5, 9)}},
			{"marks and pins", []snapshot.Ref{{Kind: snapshot.KindMark, Epoch: 2, ID: "acknowledged"}, {Kind: snapshot.KindPin, Epoch: 1, Last: 3, At: contract.At}}},
		} {
			for _, r := range step.add {
				c.put(r)
			}
			n, same := c.look(step.name)
			if !same {
				t.Errorf("%s: the catalogue differs from a whole listing", step.name)
			}
			if n > 2*1000+100 {
				t.Errorf("%s: %d objects are listed", step.name, n)
			}
		}
	})
}

func TestWhatWentShowsAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.look("at first")
		if err := c.store.Delete(t.Context(), delta(1, 3, 3).Key()); err != nil {
			t.Fatal(err)
		}
		c.put(delta(1, 2, 4))
		time.Sleep(9 * time.Minute)
		if n, same := c.look("before"); same || n > 2100 {
			t.Errorf("before it is time everything is listed: %d", n)
		}
		time.Sleep(time.Minute)
		if n, same := c.look("after"); !same || n < 2*many {
			t.Errorf("after ten minutes %d objects are listed, the same: %v", n, same)
		}
	})
}

func TestAListingThatFailsIsForgotten(t *testing.T) {
	c := newCrowd(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.warm.Catalogue(ctx); err == nil {
		t.Fatal("a cancelled listing succeeds")
	}
	if _, same := c.look("then"); !same {
		t.Error("the catalogue differs from a whole listing")
	}
}

// Whoever deletes has a warm archive forget what it knew.
func TestAWarmArchiveForgets(t *testing.T) {
	c := newCrowd(t)
	before, err := c.warm.Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keeper := revkeeper.NewKeeper(c.store, c.warm.Forget)
	oldest := before.Timelines[0].Deltas[0].Ref
	if errs := keeper.Delete(t.Context(), []snapshot.Ref{oldest}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	after, err := c.warm.Catalogue(t.Context())
	if err != nil || after.Timelines[0].Deltas[0].Ref == oldest {
		t.Errorf("it still lists %s, %v", oldest.Key(), err)
	}
}
