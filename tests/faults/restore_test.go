package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// chainOf is a backup with a full, three deltas, and what the cluster answered.
type chainOf struct {
	objects map[string][]byte
	client  *clientv3.Client
	full    timeline.Full
	deltas  []timeline.Delta
	head    int64
}

// copy returns a store with the chain's objects, for one test to damage.
func (c *chainOf) copy(t *testing.T) *fake.ObjectStore {
	t.Helper()
	s := fake.NewObjectStore()
	for key, content := range c.objects {
		if err := s.Create(t.Context(), key, strings.NewReader(string(content)), int64(len(content))); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// backUp makes the chain; laterFull adds a full at its end, which holds all of
// the history.
func backUp(t *testing.T, laterFull bool) *chainOf {
	t.Helper()
	source := servers.StartEtcd(t, version, 1)
	c := &chainOf{client: oracle.Connect(t, source.Endpoints()[0]), objects: map[string][]byte{}}
	c.head = puts(t, c.client, "base", 20)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(c.head)
	eventually(t, "the proof", func() bool { return len(b.events.of(event.ProofRecorded)) > 0 })
	for i := range 3 {
		c.head = puts(t, c.client, fmt.Sprint("delta", i), 10)
		if ref, err := b.TakeDelta(t.Context()); err != nil {
			t.Fatalf("%v, %v", ref, err)
		}
		b.awaitDurable(c.head)
	}
	if laterFull {
		if _, err := b.TakeFull(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.stop()
	h := catalogue(t, store).Timelines[0]
	c.full, c.deltas = h.Fulls[0], h.Deltas
	for _, key := range store.Keys() {
		store.Corrupt(key, func(content []byte) []byte {
			c.objects[key] = content
			return content
		})
	}
	return c
}

var (
	flip = func(at func(n int) int) func([]byte) []byte {
		return func(b []byte) []byte {
			b[at(len(b))] ^= 0x10
			return b
		}
	}
	truncate = func(b []byte) []byte { return b[:len(b)-7] }
	half     = func(b []byte) []byte { return b[:len(b)/2] }
	empty    = func(b []byte) []byte { return nil }
	middle   = func(n int) int { return n / 2 }
	start    = func(n int) int { return n / 10 }
	end      = func(n int) int { return n - 1 }
)

var damages = map[string]func([]byte) []byte{
	"truncated": truncate, "half": half, "empty": empty,
	"flipped at the start": flip(start), "flipped in the middle": flip(middle), "flipped at the end": flip(end),
}

func TestADamagedDeltaIsNamedAndRefused(t *testing.T) {
	c := backUp(t, false)
	victim := c.deltas[len(c.deltas)/2]
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			store := c.copy(t)
			store.Corrupt(victim.Key(), damage)
			dir, _, err := tryRestore(t, store, 0, c.head)
			refusedAs(t, err, victim.Key(), fmt.Sprintf("restorable: 1–%d", victim.First-1))
			nothingAt(t, dir)
			if _, _, err := tryRestore(t, store, 0, victim.First-1); err != nil {
				t.Errorf("the point before it: %v", err)
			}
		})
	}
	t.Run("deleted between listing and reading", func(t *testing.T) {
		store := c.copy(t)
		store.Inject(fake.Fault{Op: fake.Stat, Key: victim.Key(), Times: -1, Err: fault.New(fault.NotFound, "stat", victim.Key(), "gone")})
		_, _, err := tryRestore(t, store, 0, c.head)
		refusedAs(t, err, victim.Key(), fmt.Sprintf("restorable: 1–%d", victim.First-1))
	})
	t.Run("a connection that breaks is no damage", func(t *testing.T) {
		store := c.copy(t)
		store.Inject(fake.Fault{Op: fake.Open, Key: victim.Key(), Skip: 1, CutAfter: 30})
		dir, _, err := tryRestore(t, store, 0, c.head)
		if !errors.Is(err, fault.Unavailable) {
			t.Errorf("err = %v", err)
		}
		nothingAt(t, dir)
	})
	t.Run("renamed to other revisions", func(t *testing.T) {
		store := c.copy(t)
		content := c.objects[c.deltas[0].Key()]
		store.Corrupt(victim.Key(), func([]byte) []byte { return content })
		_, _, err := tryRestore(t, store, 0, c.head)
		refusedAs(t, err, victim.Key(), "restorable")
	})
}

func TestADamagedFullIsNamedAndRefused(t *testing.T) {
	c := backUp(t, false)
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			store := c.copy(t)
			store.Corrupt(c.full.Key(), damage)
			dir, _, err := tryRestore(t, store, 0, c.head)
			refusedAs(t, err, c.full.Key(), "nothing can be restored")
			nothingAt(t, dir)
		})
	}
	t.Run("a damaged manifest", func(t *testing.T) {
		store := c.copy(t)
		store.Corrupt(c.full.Manifest().Key(), half)
		_, _, err := tryRestore(t, store, 0, c.head)
		refusedAs(t, err, c.full.Key(), "nothing can be restored")
	})
	t.Run("no manifest: the full was never finished", func(t *testing.T) {
		store := c.copy(t)
		if err := store.Delete(t.Context(), c.full.Manifest().Key()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := tryRestore(t, store, 0, c.head); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no finished full") {
			t.Errorf("err = %v", err)
		}
	})
}

// A later full holds the history of what is damaged before it.
func TestDamageIsPlannedAround(t *testing.T) {
	c := backUp(t, true)
	target := c.deltas[len(c.deltas)-1].First
	for _, victim := range []string{c.deltas[0].Key(), c.full.Key(), c.full.Manifest().Key()} {
		t.Run(victim[strings.LastIndex(victim, ".")+1:], func(t *testing.T) {
			store := c.copy(t)
			store.Corrupt(victim, flip(middle))
			res := sameAfterRestore(t, store, c.client, 0, target)
			if len(res.Plan.Excluded) != 1 {
				t.Errorf("left out: %v", res.Plan.Excluded)
			}
		})
	}
	t.Run("a damaged proof", func(t *testing.T) {
		store := c.copy(t)
		h := catalogue(t, store).Timelines[0]
		store.Corrupt(h.Proofs[len(h.Proofs)-1].Key(), half)
		res := sameAfterRestore(t, store, c.client, 0, c.head)
		if res.Proof == nil || len(res.Warnings) == 0 {
			t.Errorf("proof %v, warnings %v; want the older proof and a warning", res.Proof, res.Warnings)
		}
	})
	t.Run("a damaged description of the timeline", func(t *testing.T) {
		store := c.copy(t)
		store.Corrupt("timelines/00000001/timeline.json", half)
		sameAfterRestore(t, store, c.client, 0, c.head)
	})
	t.Run("a foreign object", func(t *testing.T) {
		store := c.copy(t)
		if err := store.Create(t.Context(), "timelines/00000001/delta/README", strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
		if got := catalogue(t, store).Foreign; len(got) != 1 {
			t.Errorf("foreign objects: %v", got)
		}
		sameAfterRestore(t, store, c.client, 0, c.head)
	})
}

func TestAProofThatDisagreesRefusesTheResult(t *testing.T) {
	c := backUp(t, false)
	store := c.copy(t)
	h := catalogue(t, store).Timelines[0]
	store.Corrupt(h.Proofs[0].Key(), func(b []byte) []byte {
		var p proof.Recorded
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		p.HashKV ^= 1
		b, _ = json.Marshal(p)
		return b
	})
	dir, _, err := tryRestore(t, store, 0, c.head)
	if !errors.Is(err, fault.Diverged) {
		t.Fatalf("a result that hashes to something else: %v", err)
	}
	nothingAt(t, dir)
}

func TestATargetOutsideTheWindowIsToldTheWindow(t *testing.T) {
	c := backUp(t, false)
	store := c.copy(t)
	for _, target := range []int64{0, c.head + 1, c.head + 1000} {
		dir, _, err := tryRestore(t, store, 0, target)
		if !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), fmt.Sprintf("restorable: 1–%d", c.head)) {
			t.Errorf("revision %d: %v", target, err)
		}
		nothingAt(t, dir)
	}
	if _, _, err := tryRestore(t, store, 7, c.head); !errors.Is(err, fault.NotFound) {
		t.Errorf("a timeline that is not there: %v", err)
	}
	if _, _, err := tryRestore(t, fake.NewObjectStore(), 0, 5); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("an empty bucket: %v", err)
	}
}

func TestANonEmptyDirectoryIsRefused(t *testing.T) {
	c := backUp(t, false)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "theirs"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := restorer(c.copy(t)).Run(t.Context(), restore.Request{Target: c.head, Dir: dir, Identity: inprocess.Identity(t, "default", "http://localhost:2380")}, nil)
	if !errors.Is(err, fault.Conflict) {
		t.Errorf("err = %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the directory holds %v", left)
	}
}

// Two leaders wrote different histories of the same revisions.
func TestDivergedDeltasAreRefused(t *testing.T) {
	c := backUp(t, false)
	h := c.deltas
	d := h[len(h)-1]
	for name, span := range map[string][2]int64{
		"the same range": {d.First, d.Last}, "an inner range": {d.First + 1, d.Last}, "a longer range": {d.First - 1, d.Last + 1},
	} {
		t.Run(name, func(t *testing.T) {
			store := c.copy(t)
			otherHistory(t, store, span[0], span[1])
			dir, _, err := tryRestore(t, store, 0, d.Last)
			if !errors.Is(err, fault.Diverged) || !strings.Contains(err.Error(), "revision") {
				t.Fatalf("err = %v, want diverged and the revision", err)
			}
			nothingAt(t, dir)
			sameAfterRestore(t, store, c.client, 0, c.full.Last)
		})
	}
}

// otherHistory stores a delta of the first timeline whose records nobody wrote.
func otherHistory(t *testing.T, store ports.ObjectStore, first, last int64) {
	t.Helper()
	w, err := revkeeper.NewWriter(store, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	draft := w.Draft(1 << 20)
	for rev := first; rev <= last; rev++ {
		r := record.Record{Revision: record.Revision{Main: rev}, Tombstone: true, KeyValue: record.AppendTombstone(nil, []byte("other"))}
		if err := draft.Append(r, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := draft.Seal(snapshot.Envelope{Epoch: 1, SealedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Release()
	if err := w.StoreDelta(t.Context(), sealed); err != nil {
		t.Fatal(err)
	}
}

// A leader finds the newest stored delta damaged. It cannot prove that what
// follows continues it, so a timeline begins; it does not stop backing up.
func TestADamagedTailDoesNotStopTheBackup(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	puts(t, client, "base", 5)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(6)
	head := puts(t, client, "more", 5)
	b.awaitDurable(head)
	b.stop()
	h := catalogue(t, store).Timelines[0]
	store.Corrupt(h.NewestDelta().Key(), truncate)
	b = startBackup(t, source.Endpoints()[0], store)
	head = puts(t, client, "after", 5)
	b.awaitDurable(head)
	c := catalogue(t, store)
	if len(c.Timelines) != 2 || !strings.Contains(c.Timelines[1].Reason, h.NewestDelta().Key()) {
		t.Errorf("%d timelines, the newest because %q", len(c.Timelines), c.Newest().Reason)
	}
	sameAfterRestore(t, store, client, 0, head)
}

func refusedAs(t *testing.T, err error, parts ...string) {
	t.Helper()
	if !errors.Is(err, fault.Corrupt) {
		t.Fatalf("err = %v, want corrupt", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("the error does not say %q: %v", p, err)
		}
	}
}

func nothingAt(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		left, _ := os.ReadDir(dir)
		t.Errorf("%s was left behind with %v", dir, left)
	}
}
