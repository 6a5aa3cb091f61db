package faults

import (
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestATakeoverContinuesTheTimeline(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "first", 30)
	store := newGate()
	for range 3 {
		b := startBackup(t, source.Endpoints()[0], store)
		head = puts(t, client, "led", 25)
		b.awaitDurable(head)
		b.stop() // with what was pending dropped
		head = puts(t, client, "nobody leads", 25)
	}
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(head)
	oneFullNoGap(t, store, head)
	sameAfterRestore(t, store, client, 0, head)
	sameAfterRestore(t, store, client, 0, head-30)
}

func TestTwoLeadersAtOnceAgree(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "first", 10)
	store := newGate()
	a := startBackup(t, source.Endpoints()[0], store)
	a.awaitDurable(head)
	b := startBackup(t, source.Endpoints()[0], store, func(c *backup.Config, _ *etcd.Config) { c.Flush.Age = 170 * time.Millisecond })
	eventually(t, "the other to resume", func() bool { return len(b.events.of(event.Resumed)) > 0 })
	overlapping := func() bool {
		deltas := catalogue(t, store).Timelines[0].Deltas
		for i := 1; i < len(deltas); i++ {
			if deltas[i].First <= deltas[i-1].Last {
				return true
			}
		}
		return false
	}
	eventually(t, "overlapping deltas", func() bool {
		head = puts(t, client, "both", 20)
		a.awaitDurable(head)
		return overlapping()
	})
	b.awaitDurable(head)
	a.stop()
	b.stop()
	p, err := restorer(store).Plan(t.Context(), restore.Request{Target: head})
	if err != nil || len(p.Coverage.Disputed) > 0 {
		t.Fatalf("disputed: %v, %v", p.Coverage.Disputed, err)
	}
	if len(p.Witnesses) == 0 {
		t.Error("nothing overlaps: the test tests nothing")
	}
	sameAfterRestore(t, store, client, 0, head)
	sameAfterRestore(t, store, client, 0, head-15)
}

// etcd is wiped under the sidecar: same endpoint, same member and cluster id,
// and a history that begins anew.
func TestAWipedClusterBeginsATimeline(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	m := source.Members[0]
	client := oracle.Connect(t, m.Endpoint)
	head := puts(t, client, "old", 60)
	store := newGate()
	b := startBackup(t, m.Endpoint, store)
	b.awaitDurable(head)
	old, _, err := tryRestore(t, store, 1, head)
	if err != nil {
		t.Fatal(err)
	}
	before := boot(t, old)
	m.Kill()
	if err := os.RemoveAll(m.DataDir); err != nil {
		t.Fatal(err)
	}
	m.Restart()
	anew := puts(t, client, "new", 5)
	eventually(t, "another timeline", func() bool { return len(b.events.of(event.TimelineBegan)) == 2 })
	if why := b.events.of(event.TimelineBegan)[1].Message; !strings.Contains(why, "history went back") {
		t.Errorf("the reason is %q", why)
	}
	eventually(t, "the new history to be stored", func() bool {
		s := b.state.Backup()
		return s.Epoch == 2 && s.LastFull != nil && s.Durable == anew
	})
	if s := b.state.Backup(); s.Lag() != 0 {
		t.Errorf("it lags by %d: live %d, durable %d", s.Lag(), s.Live, s.Durable)
	}
	sameAfterRestore(t, store, client, 2, anew)
	// The old timeline is as it was.
	sameAfterRestore(t, store, before, 1, head)
}

// etcd is restored to an older revision under the sidecar, with the same ids,
// and goes on until its revision is beyond what is stored: by revision alone it
// looks continuous.
func TestARestoredClusterBeginsATimeline(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	m := source.Members[0]
	client := oracle.Connect(t, m.Endpoint)
	head := puts(t, client, "old", 60)
	store := newGate()
	b := startBackup(t, m.Endpoint, store)
	b.awaitDurable(head)
	b.stop()
	m.Kill()
	if err := os.RemoveAll(m.DataDir); err != nil {
		t.Fatal(err)
	}
	_, err := restorer(store).Run(t.Context(), restore.Request{Target: head - 10, Dir: m.DataDir,
		Identity: inprocess.Identity(t, m.Name, m.PeerURL), KeepRevisions: true, Force: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Restart()
	anew := puts(t, client, "another history", 30)
	if anew <= head {
		t.Fatalf("the cluster is at %d, not beyond %d", anew, head)
	}
	b = startBackup(t, m.Endpoint, store)
	b.awaitDurable(anew)
	c := catalogue(t, store)
	if len(c.Timelines) != 2 || !strings.Contains(c.Timelines[1].Reason, "history went back") {
		t.Fatalf("%d timelines, the newest because %q", len(c.Timelines), c.Newest().Reason)
	}
	sameAfterRestore(t, store, client, 2, anew)
	if _, _, err := tryRestore(t, store, 1, head); err != nil {
		t.Errorf("the old timeline: %v", err)
	}
}

func TestCompactionThatNobodySawIsAGap(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "old", 30)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(head)
	b.stop()
	lost := puts(t, client, "lost", 30)
	if _, err := client.Compact(t.Context(), lost-3, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	b = startBackup(t, source.Endpoints()[0], store)
	now := puts(t, client, "seen", 10)
	b.awaitDurable(now)
	gaps := b.events.of(event.GapFound)
	if len(gaps) != 1 || gaps[0].Revision != lost-3 || gaps[0].Level != event.Error {
		t.Fatalf("gaps: %+v, want one up to %d", gaps, lost-3)
	}
	c := catalogue(t, store)
	if len(c.Timelines) != 2 || c.Timelines[1].Parent != 1 {
		t.Fatalf("%d timelines", len(c.Timelines))
	}
	sameAfterRestore(t, store, client, 0, now)
	sameAfterRestore(t, store, client, 0, lost-2)
	if _, _, err := tryRestore(t, store, 0, lost-10); err == nil || !strings.Contains(err.Error(), "restorable") {
		t.Errorf("a lost revision was restored, or the error does not say what can be: %v", err)
	}
	if _, _, err := tryRestore(t, store, 1, head); err != nil {
		t.Errorf("the point before the gap: %v", err)
	}
}

func TestAfterPhysicalCompactionTheResultIsStillProven(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	at := puts(t, client, "k", 80)
	if _, err := client.Compact(t.Context(), at-20, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(at)
	eventually(t, "the proof", func() bool { return len(b.events.of(event.ProofRecorded)) > 0 })
	head := puts(t, client, "l", 40)
	b.awaitDurable(head)
	if _, err := client.Compact(t.Context(), head-5, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	head = puts(t, client, "m", 10)
	b.awaitDurable(head)
	for _, target := range []int64{at, head} {
		_, res, err := tryRestore(t, store, 0, target)
		if err != nil || res.Proof == nil {
			t.Fatalf("revision %d: proof %v, %v", target, res.Proof, err)
		}
	}
	oneFullNoGap(t, store, head)
	dir, _, err := tryRestore(t, store, 0, head)
	if err != nil {
		t.Fatal(err)
	}
	oracle.SameKeys(t, client, boot(t, dir), head)
}
