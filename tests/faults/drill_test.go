package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/application/drill"
	"github.com/revkeeper/revkeeper/application/verify"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	drillrule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	verifyrule "github.com/revkeeper/revkeeper/domain/verify"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// drills puts together the duty of drills beside a backup, on this machine.
func (s *sidecar) drills(store ports.ObjectStore) *drill.Duty { return s.drillsBeside(store, alone{}) }

func (s *sidecar) drillsBeside(store ports.ObjectStore, others drill.Members) *drill.Duty {
	s.t.Helper()
	archive := revkeeper.New(store)
	driller := drill.NewDriller(archive, datadir.NewBuilder(s.t.TempDir()), s.events)
	sign := func(context.Context) (snapshot.Writer, error) { return snapshot.Writer{Member: "m"}, nil }
	c := drill.Config{Retry: schedule.Backoff{Min: 1, Max: 1}}
	return drill.NewDuty(c, archive, s.Guard, revkeeper.NewKeeper(store, nil), drill.NewPlace(others, driller, "m", s.events), s.Backup, s.Ledger, sign, s.events)
}

// alone is a leader whose sidecar knows of no other.
type alone struct{}

func (alone) Cluster(context.Context) (health.Cluster, error) { return health.Cluster{}, nil }

func (alone) Drill(context.Context, health.Member, drillrule.Task) (drillrule.Outcome, error) {
	return drillrule.Outcome{}, fault.New(fault.Internal, "drill", "", "nobody is there")
}

// wrong is a follower whose sidecar rebuilds another history than the store holds, as
// one with a bad bit of memory would.
type wrong struct{ stored func() proof.Recorded }

func (wrong) Cluster(context.Context) (health.Cluster, error) {
	m := health.Member{Entry: heartbeat.Entry{Member: cluster.Member{Name: "m2"}}, Healthy: true, Sidecar: &health.View{Role: role.Follower}}
	return health.Cluster{Members: []health.Member{m}}, nil
}

func (w wrong) Drill(_ context.Context, _ health.Member, t drillrule.Task) (drillrule.Outcome, error) {
	p := w.stored()
	return drillrule.Outcome{Task: t, Differs: &p, Computed: p.HashKV + 1}, nil
}

// A sidecar that is wrong, again and again, does not end a timeline that is right.
func TestOneFollowerCannotEndATimeline(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	head := puts(t, client, "all well", 30)
	b.awaitDurable(head)
	b.prove(store)
	proveByCompaction(t, b, client, head)
	stored := func() proof.Recorded {
		c := catalogue(t, store)
		p, err := revkeeper.New(store).Proof(t.Context(), c.Timelines[0].Proofs[0])
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for range 2 {
		_, err := b.drillsBeside(store, wrong{stored}).Drill(t.Context())
		if fault.KindOf(err) != fault.Diverged || !strings.Contains(err.Error(), "(on m2)") || !strings.Contains(err.Error(), "(on m)") {
			t.Errorf("%v", err)
		}
	}
	if c := catalogue(t, store); len(c.Timelines) != 1 || len(c.Timelines[0].Suspects) != 0 || b.state.Backup().Epoch != 1 {
		t.Errorf("the timeline was ended: %+v", c.Timelines)
	}
}

// deaf is a watcher that loses the last change of one transaction. Revisions stay
// consecutive, and so do the changes within each: nothing that the backup sees tells.
type deaf struct {
	ports.Watcher
	mu   sync.Mutex
	lose string // the key whose change is lost
	lost int64  // the revision
}

func (d *deaf) Watch(ctx context.Context, from int64) (ports.Watch, error) {
	w, err := d.Watcher.Watch(ctx, from)
	return &deafWatch{w, d}, err
}

type deafWatch struct {
	ports.Watch
	*deaf
}

func (w *deafWatch) Next() (ports.Changes, error) {
	c, err := w.Watch.Next()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range c.Records {
		if w.lost == 0 && r.Sub > 0 && strings.Contains(string(r.KeyValue), w.lose) {
			w.lost = r.Main
			c.Records = slices.Delete(slices.Clone(c.Records), i, i+1)
			break
		}
	}
	return c, err
}

// The watch loses a change and nobody notices: until a drill does.
func TestADrillFindsWhatTheWatchLost(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "before", 30)
	store := newGate()
	ear := &deaf{lose: "unheard"}
	b := startBackupAs(t, source.Endpoints()[0], store, func(s *inprocess.Setup) {
		s.Watcher = func(w ports.Watcher) ports.Watcher { ear.Watcher = w; return ear }
	})
	b.awaitDurable(head)
	b.prove(store)
	drills := b.drills(store)

	head = puts(t, client, "heard", 30)
	b.awaitDurable(head)
	proven := proveByCompaction(t, b, client, head)

	if _, err := client.Txn(t.Context()).Then(clientv3.OpPut("heard too", "1"), clientv3.OpPut("unheard", "1")).Commit(); err != nil {
		t.Fatal(err)
	}
	head = puts(t, client, "after", 30)
	b.awaitDurable(head)
	if ear.lost == 0 {
		t.Fatal("nothing was lost: the test tests nothing")
	}
	if lost := b.events.of(event.WatchLost); len(lost) > 0 {
		t.Fatalf("the watch was lost: %v", lost[0].Err)
	}
	proveByCompaction(t, b, client, head)
	if out, err := drills.Drill(t.Context()); err != nil || out.Differs == nil {
		t.Fatalf("what was lost was not found: %v, %v", out, err)
	}

	// It is marked, a new timeline begins, and its full is right.
	alarm := b.events.of(event.TimelineSuspect)
	if len(alarm) != 1 || alarm[0].Level != event.Error || alarm[0].Revision != proven {
		t.Fatalf("%+v", alarm)
	}
	eventually(t, "a new timeline with a full", func() bool {
		s := b.state.Backup()
		return s.Epoch == 2 && s.LastFull != nil && s.LastFull.Epoch == 2
	})
	head = puts(t, client, "in the new timeline", 20)
	b.awaitDurable(head)
	sameAfterRestore(t, store, client, 0, head)

	c := catalogue(t, store)
	first, second := c.Timelines[0], c.Timelines[1]
	if good, suspect := first.Good(); !suspect || good != proven {
		t.Errorf("timeline 1 is good up to %d (%v), want %d", good, suspect, proven)
	}
	if second.Parent != 1 || second.Fork != proven || !strings.Contains(second.Reason, "failed a proof") {
		t.Errorf("timeline 2 is %+v", second.Timeline)
	}
	if _, res, err := tryRestore(t, store, 1, proven); err != nil || res.Proof == nil || res.Proof.Revision != proven {
		t.Errorf("what is good of it cannot be restored: %v, %v", res.Proof, err)
	}
	if _, _, err := tryRestore(t, store, 0, ear.lost); fault.KindOf(err) != fault.Diverged || !strings.Contains(err.Error(), "nearest that is good") {
		t.Errorf("what was lost is restored: %v", err)
	}

	// The next drill is of the new timeline, and passes.
	proveByCompaction(t, b, client, head)
	if out, err := drills.Drill(t.Context()); err != nil || out.Epoch != 2 || out.Proof == nil || out.Proof.Revision != head || out.Differs != nil {
		t.Errorf("a good backup: %v, %v", out, err)
	}
	verifiedIs(t, store, 2, head)
}

// unheard is a backup of which one change of a transaction was lost, that of the key
// "unheard", and whose next proof is stored. what says what comes after it.
func unheard(t *testing.T, what string) (b *sidecar, store *gate, client *clientv3.Client, good, lost, proven int64) {
	t.Helper()
	source := servers.StartEtcd(t, version, 1)
	client = oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "before", 30)
	store = newGate()
	ear := &deaf{lose: "unheard"}
	b = startBackupAs(t, source.Endpoints()[0], store, func(s *inprocess.Setup) {
		s.Watcher = func(w ports.Watcher) ports.Watcher { ear.Watcher = w; return ear }
	})
	b.awaitDurable(head)
	eventually(t, "a full", func() bool { return b.state.Backup().LastFull != nil })
	b.prove(store)
	good = proveByCompaction(t, b, client, head)
	if _, err := client.Txn(t.Context()).Then(clientv3.OpPut("heard too", "1"), clientv3.OpPut("unheard", "1")).Commit(); err != nil {
		t.Fatal(err)
	}
	head = puts(t, client, what, 30)
	b.awaitDurable(head)
	proven = proveByCompaction(t, b, client, head)
	if ear.lost == 0 {
		t.Fatal("nothing was lost: the test tests nothing")
	}
	return b, store, client, good, ear.lost, proven
}

// suspectAbove makes sure that a drill found what was lost above a revision.
func (s *sidecar) suspectAbove(store ports.ObjectStore, good int64) {
	s.t.Helper()
	out, err := s.drills(store).Drill(s.t.Context())
	if err != nil || out.Differs == nil || out.Good != good {
		s.t.Fatalf("what was lost above %d was not found: %v, %v", good, out, err)
	}
	if got, suspect := catalogue(s.t, store).Timelines[0].Good(); !suspect || got != good {
		s.t.Errorf("the timeline is good up to %d (%v), want %d", got, suspect, good)
	}
}

// The full of the night comes between the loss and the drill of the night. What is
// restored from that full on is right; what is before it is not.
func TestADrillLooksBehindTheNewestFull(t *testing.T) {
	b, store, client, good, lost, _ := unheard(t, "after")
	if _, err := b.TakeFull(t.Context()); err != nil {
		t.Fatal(err)
	}
	head := puts(t, client, "later", 5)
	b.awaitDurable(head)
	proveByCompaction(t, b, client, head)
	for level, sound := range map[verifyrule.Level]bool{verifyrule.Restore: true, verifyrule.History: false} {
		report, err := verify.New(revkeeper.New(store), revkeeper.NewKeeper(store, nil), datadir.NewBuilder(t.TempDir()), b.events).
			Run(t.Context(), verify.Request{Level: level, Target: chain.Latest}, func(int, int, int64) {})
		if kind, found := report.Worst(); err != nil || found == sound || found && kind != fault.Diverged {
			t.Errorf("a check of %s: %+v, %v", level, report.Findings, err)
		}
	}
	b.suspectAbove(store, good)
	if _, _, err := tryRestore(t, store, 0, lost); fault.KindOf(err) != fault.Diverged {
		t.Errorf("what was lost is restored: %v", err)
	}
}

// What was lost is overwritten, and the version before compacted away: the newest hash
// does not see it, the one before does.
func TestADrillComparesEveryProof(t *testing.T) {
	b, store, client, good, _, _ := unheard(t, "after")
	if _, err := client.Put(t.Context(), "unheard", "2"); err != nil {
		t.Fatal(err)
	}
	head := puts(t, client, "later", 5)
	b.awaitDurable(head)
	proveByCompaction(t, b, client, head)
	b.suspectAbove(store, good)
}

// Where all is well, a drill after two fulls verifies one stretch after another, and
// the next goes on from there.
func TestADrillGoesFromFullToFull(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(puts(t, client, "before", 10))
	eventually(t, "a full", func() bool { return b.state.Backup().LastFull != nil })
	b.prove(store)
	var fulls []int64
	for range 2 {
		b.awaitDurable(puts(t, client, "some", 10))
		r, err := b.TakeFull(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "its proof", func() bool { return b.Ledger.Standing().Recorded.Revision >= r.Last })
		fulls = append(fulls, r.Last)
	}
	head := puts(t, client, "newest", 10)
	b.awaitDurable(head)
	proveByCompaction(t, b, client, head)
	verified := func() (at []int64) {
		for _, v := range catalogue(t, store).Timelines[0].Verified {
			at = append(at, v.Last)
		}
		return at
	}
	for range 2 {
		if out, err := b.drills(store).Drill(t.Context()); err != nil || out.Verdict() != drillrule.Passed || out.From != fulls[1] || out.Revision < head {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if got := verified(); !slices.Equal(got, append(fulls, head, head)) {
		t.Errorf("verified %d, want each of the fulls %d and twice the head %d", got, fulls, head)
	}
}

// A full that is damaged is gone around, and told.
func TestADrillTellsOfDamage(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(puts(t, client, "before", 10))
	eventually(t, "a full", func() bool { return b.state.Backup().LastFull != nil })
	b.awaitDurable(puts(t, client, "some", 10))
	if _, err := b.TakeFull(t.Context()); err != nil {
		t.Fatal(err)
	}
	newest := catalogue(t, store).Timelines[0].NewestFull().Key()
	flipAByte(t, store, newest)
	out, err := b.drills(store).Drill(t.Context())
	if err != nil || len(out.Around) != 1 || !strings.HasPrefix(out.Around[0], newest) {
		t.Fatalf("%+v, %v", out, err)
	}
	told := b.events.of(event.DrillFailed)
	if len(told) != 1 || told[0].Level != event.Error || told[0].FaultKind() != fault.Corrupt || !strings.Contains(told[0].Err.Error(), newest) {
		t.Errorf("told %+v", told)
	}
}

// flipAByte replaces an object by one that differs in the middle.
func flipAByte(t *testing.T, store ports.ObjectStore, key string) {
	t.Helper()
	body, err := store.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 0xff
	if err := errors.Join(store.Delete(t.Context(), key), store.Create(t.Context(), key, bytes.NewReader(content), int64(len(content)))); err != nil {
		t.Fatal(err)
	}
}

// proveByCompaction has etcd compact at a revision and returns it once its hash is
// recorded.
func proveByCompaction(t *testing.T, b *sidecar, client *clientv3.Client, revision int64) int64 {
	t.Helper()
	compactAt(t, client, revision)
	eventually(t, "a proof of the compaction", func() bool { return b.Ledger.Standing().Recorded.Revision == revision })
	return revision
}

// verifiedIs checks what the store says was verified.
func verifiedIs(t *testing.T, store ports.ObjectStore, epoch int, revision int64) {
	t.Helper()
	c := catalogue(t, store)
	refs := c.Find(epoch).Verified
	if len(refs) != 1 || refs[0].Last != revision {
		t.Fatalf("verified: %v", refs)
	}
	body, err := store.Open(t.Context(), refs[0].Key(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	var v proof.Verified
	if err := json.Unmarshal(text, &v); err != nil || v.Revision != revision || v.Timeline != epoch || v.Where != "m" || v.HashKV == 0 || v.Base == "" {
		t.Errorf("%s: %+v, %v", refs[0].Key(), v, err)
	}
}

// narrow is a builder with little room, which waits before it builds.
type narrow struct {
	ports.SnapshotBuilder
	free    int64
	entered chan struct{}
}

func (n narrow) Free(context.Context) (string, int64, error) { return "/spool", n.free, nil }

func (n narrow) Begin(ctx context.Context) (ports.StagedSnapshot, error) {
	n.entered <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// Deltas are stored compressed: what counts is what they become in the database.
func TestADrillCountsDeltasAsTheyComeOut(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(puts(t, client, "before", 1))
	var head, written int64
	for range 16 {
		value := strings.Repeat("all alike ", 50_000)
		r, err := client.Put(t.Context(), "large", value)
		if err != nil {
			t.Fatal(err)
		}
		head, written = r.Header.Revision, written+int64(len(value))
	}
	b.awaitDurable(head)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inside := make(chan struct{})
	go func() {
		select {
		case <-inside:
			cancel()
		case <-ctx.Done():
		}
	}()
	tight := drill.NewDriller(revkeeper.New(store), narrow{free: written, entered: inside}, b.events)
	if _, err := tight.Run(ctx, drillrule.Task{Epoch: 1, Revision: head}); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "twice the database") {
		t.Errorf("with room for %d bytes, which is less than the database takes: %v", written, err)
	}
}

// A drill is not begun where it could fill the disk, nor while another goes on, and
// it ends with whoever asked for it.
func TestADrillIsBounded(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	head := puts(t, oracle.Connect(t, source.Endpoints()[0]), "some", 20)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(head)
	archive, task := revkeeper.New(store), drillrule.Task{Epoch: 1, Revision: head}
	m, err := archive.Manifest(t.Context(), catalogue(t, store).Timelines[0].Fulls[0].Ref)
	if err != nil {
		t.Fatal(err)
	}
	inside := make(chan struct{})
	full := drill.NewDriller(archive, narrow{free: m.Size, entered: inside}, b.events)
	if _, err := full.Run(t.Context(), task); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "twice the database") {
		t.Errorf("without room: %v", err)
	}
	roomy := drill.NewDriller(archive, narrow{free: 1 << 40, entered: inside}, b.events)
	for range 2 { // the second shows that the first has let go
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := roomy.Run(ctx, task)
			ended <- err
		}()
		<-inside
		if _, err := roomy.Run(t.Context(), task); fault.KindOf(err) != fault.Conflict {
			t.Errorf("while another goes on: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended as %v", err)
		}
	}
}
