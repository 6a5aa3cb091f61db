package faults

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestAStoreThatRefusesCredentialsIsTriedUntilItTakesThem(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "before", 20)
	store := newGate()
	store.Inject(fake.Fault{Op: fake.List, Times: -1, CutAfter: -1, Err: fault.New(fault.Unauthorized, "list", "", "access denied")})
	b := startBackup(t, source.Endpoints()[0], store)
	eventually(t, "the refusal to be shown", func() bool { return strings.Contains(b.state.Backup().LastError, "access denied") })
	if keys := store.Keys(); len(keys) > 0 {
		t.Errorf("stored %v", keys)
	}
	store.Heal()
	b.awaitDurable(head)
	sameAfterRestore(t, store, client, 0, head)
}

func TestAStoreThatIsAwayIsCaughtUpWithInOrder(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	first := puts(t, client, "before", 20)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(first)
	store.close(func(string) error { return fault.New(fault.Unavailable, "create", "", "503 slow down") })
	var head int64
	for range 5 { // five deltas, at least, for each waits for the one before
		head = puts(t, client, "away", 10)
		failed := len(b.events.of(event.UploadFailed))
		eventually(t, "another try", func() bool { return len(b.events.of(event.UploadFailed)) > failed+1 })
	}
	if got := b.state.Backup().Durable; got > first {
		t.Errorf("durable up to %d while the store was away", got)
	}
	store.open()
	b.awaitDurable(head)
	oneFullNoGap(t, store, head)
	stored := b.events.of(event.DeltaStored)
	if !slices.IsSortedFunc(stored, func(a, b event.Event) int { return int(a.Revision - b.Revision) }) || len(stored) < 3 {
		t.Errorf("deltas came as %v", stored)
	}
	sameAfterRestore(t, store, client, 0, head)
	sameAfterRestore(t, store, client, 0, first+7)
}

// The spill is full: the watch is given up, and when the store is back what was
// missed comes by a full whose own history reaches over it.
func TestAFullSpillLosesNoRevision(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	first := puts(t, client, "before", 20)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store, func(c *backup.Config, _ *etcd.Config) {
		c.Spill, c.SpillMemory, c.CatchUp = 3_000, 1_000, 10
	})
	b.awaitDurable(first)
	store.close(func(string) error { return fault.New(fault.Unavailable, "create", "", "503 slow down") })
	var head int64
	eventually(t, "the spill to overflow", func() bool {
		head = puts(t, client, "overflow", 10)
		return len(b.events.of(event.SpillFull)) > 0
	})
	head = puts(t, client, "unwatched", 30)
	if b.state.Backup().SpillBytes > 3_000 {
		t.Errorf("%d bytes wait, 3000 were allowed", b.state.Backup().SpillBytes)
	}
	store.open()
	b.awaitDurable(head)
	c := catalogue(t, store)
	if len(c.Timelines) != 1 || len(c.Timelines[0].Fulls) != 2 {
		t.Fatalf("%d timelines, want one with a second full", len(c.Timelines))
	}
	for _, target := range []int64{first, first + 1, head - 40, head - 10, head} {
		sameAfterRestore(t, store, client, 0, target)
	}
}

// The leader dies between a full that must bridge a distance and the deltas that
// follow it, so that these hang in the air. Its successor must not take the old
// full for their base.
func TestASuccessorFinishesTheBridge(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	first := puts(t, client, "before", 20)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(first)
	b.stop()
	far := puts(t, client, "nobody watches", 50)
	store.close(func(key string) error {
		if strings.Contains(key, "/full/") {
			return fault.New(fault.Unavailable, "create", key, "fulls are refused")
		}
		return nil
	})
	behind := func(c *backup.Config, _ *etcd.Config) { c.CatchUp = 10 }
	b = startBackup(t, source.Endpoints()[0], store, behind)
	eventually(t, "the bridge to fail", func() bool { return len(b.events.of(event.FullFailed)) > 0 })
	puts(t, client, "in the air", 10)
	eventually(t, "a delta beyond the distance", func() bool { return len(b.events.of(event.DeltaStored)) > 0 })
	if got := b.state.Backup().Durable; got > first {
		t.Errorf("durable up to %d, though nothing leads there from %d", got, first)
	}
	b.stop()
	store.open()
	b = startBackup(t, source.Endpoints()[0], store)
	head := puts(t, client, "after", 5)
	b.awaitDurable(head)
	if c := catalogue(t, store); len(c.Timelines) != 1 {
		t.Errorf("%d timelines, want one", len(c.Timelines))
	}
	for _, target := range []int64{first + 1, far, head} {
		sameAfterRestore(t, store, client, 0, target)
	}
}

func TestALostReplyIsNoSecondObject(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	first := puts(t, client, "before", 5)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(first)
	store.Inject(fake.Fault{Op: fake.Create, After: true, Times: 3})
	for range 5 {
		head := puts(t, client, "x", 3)
		b.awaitDurable(head)
		first = head
	}
	if n := len(b.events.of(event.UploadFailed)); n == 0 {
		t.Error("no reply was lost: the test tests nothing")
	}
	oneFullNoGap(t, store, first)
	sameAfterRestore(t, store, client, 0, first)
}

// A delta's name is taken by other bytes: the timeline ends rather than have a
// hole, and nobody who waits for the delta is told that it is stored.
func TestANameThatIsTakenEndsTheTimeline(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	first := puts(t, client, "before", 5)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(first)
	taken := false
	store.close(func(key string) error {
		if strings.HasSuffix(key, ".delta") && !taken {
			taken = true
			return store.ObjectStore.Create(t.Context(), key, strings.NewReader("not a delta"), 11)
		}
		return nil
	})
	puts(t, client, "x", 1)
	eventually(t, "the upload to fail", func() bool { return len(b.events.of(event.UploadFailed)) > 0 })
	store.open()
	head := puts(t, client, "y", 4)
	eventually(t, "another timeline", func() bool { return len(b.events.of(event.TimelineBegan)) == 2 })
	b.awaitDurable(head)
	sameAfterRestore(t, store, client, 2, head)
	sameAfterRestore(t, store, client, 1, first)
}

func TestAnIdleClusterCostsNoObjects(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "before", 5)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(head)
	eventually(t, "the proof", func() bool { return len(b.events.of(event.ProofRecorded)) > 0 })
	before := store.Keys()
	// CaughtUpAt moves with each look at the head: five looks are more than ten
	// times the age at which a delta is flushed.
	for range 5 {
		at := b.state.Backup().CaughtUpAt
		eventually(t, "another look at the head", func() bool { return b.state.Backup().CaughtUpAt.After(at) })
	}
	if after := store.Keys(); !slices.Equal(before, after) {
		t.Errorf("an idle cluster stored %v", after[len(before):])
	}
	if ref, err := b.TakeDelta(t.Context()); ref != nil || err != nil {
		t.Errorf("a delta of nothing: %v, %v", ref, err)
	}
	if ref, err := b.TakeFull(t.Context()); ref != nil || err != nil {
		t.Errorf("a full of nothing new: %v, %v", ref, err)
	}
}

func TestOnDemand(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	puts(t, client, "before", 5)
	store := newGate()
	slow := func(c *backup.Config, _ *etcd.Config) { c.Flush.Age, c.HeadInterval = time.Hour, time.Hour }
	b := startBackup(t, source.Endpoints()[0], store, slow)
	b.awaitDurable(6)
	head := puts(t, client, "x", 3)
	ref, err := b.TakeDelta(t.Context())
	if err != nil || ref == nil || ref.Last != head {
		t.Fatalf("delta on demand: %+v, %v; the cluster is at %d", ref, err, head)
	}
	if _, err := store.Stat(t.Context(), ref.Key()); err != nil {
		t.Errorf("the answer came before the object: %v", err)
	}
	for range 2 { // the second time nothing but the full itself tells of the change
		head = puts(t, client, "y", 1)
		ref, err = b.TakeFull(t.Context())
		if err != nil || ref == nil || ref.Last < head {
			t.Fatalf("full on demand: %+v, %v; the cluster is at %d", ref, err, head)
		}
	}
	// While the store is away nobody is told that a delta is safe, and when the
	// leadership ends instead, everybody learns.
	store.close(func(string) error { return fault.New(fault.Unavailable, "create", "", "away") })
	puts(t, client, "z", 1)
	answer := make(chan error, 1)
	go func() {
		_, err := b.TakeDelta(t.Context())
		answer <- err
	}()
	eventually(t, "the delta to be tried", func() bool { return len(b.events.of(event.UploadFailed)) > 0 })
	b.stop()
	if err := <-answer; !errors.Is(err, fault.Unavailable) {
		t.Errorf("a delta that was dropped: %v", err)
	}
	if _, err := b.TakeDelta(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a delta of a sidecar that does not back up: %v", err)
	}
}
