package faults

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	proofs "github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// prove runs the duty of proofs beside a backup.
func (s *sidecar) prove(store ports.ObjectStore) {
	s.t.Helper()
	c := proofs.Config{Rule: proof.Rule{Settle: time.Second, Again: time.Second}, Interval: 50 * time.Millisecond}
	duty := proofs.NewDuty(c, s.state, s.Taker, revkeeper.New(store), s.Guard, s.Ledger, s.events)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = duty.Run(ctx)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// compactAt has etcd compact at a revision, and waits for it on the member that is asked.
func compactAt(t *testing.T, c *clientv3.Client, revision int64) {
	t.Helper()
	if _, err := c.Compact(t.Context(), revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
}

// Each compaction of a real cluster gives a proof, on which all members agree, and
// a restore is held against it.
func TestACompactionProvesTheBackup(t *testing.T) { aCompactionProves(t, version) }

func aCompactionProves(t *testing.T, version string) {
	source := servers.StartEtcd(t, version, 3)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "before", 40)
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(head)
	b.prove(store)
	var compacted []int64
	for range 2 {
		head = puts(t, client, "more", 60)
		b.awaitDurable(head)
		at := head - 10
		compactAt(t, client, at)
		compacted = append(compacted, at)
		eventually(t, "a proof of the compaction", func() bool { return b.Ledger.Standing().Recorded.Revision == at })
	}
	recorded := b.events.of(event.ProofRecorded)
	if last := recorded[len(recorded)-1]; !strings.Contains(last.Message, "3 members agree") {
		t.Errorf("%q", last.Message)
	}
	head = puts(t, client, "after", 20)
	b.awaitDurable(head)
	dir, res, err := tryRestore(t, store, 0, head)
	if err != nil {
		t.Fatal(err)
	}
	oracle.SameKeys(t, client, oracle.Connect(t, servers.StartRestored(t, version, dir)), head)
	if res.Proof == nil || res.Proof.Revision != compacted[1] || res.Proof.Compact != compacted[0] || res.Computed != res.Proof.HashKV {
		t.Errorf("proven by %+v, compacted at %v", res.Proof, compacted)
	}
	if lost := len(b.events.of(event.MembersDisagree)); lost > 0 {
		t.Errorf("%d false alarms", lost)
	}
}

// One bit of one value differs on one follower, as after a fault of its disk.
func TestAMemberThatHoldsOtherDataIsFound(t *testing.T) { otherDataIsFound(t, version) }

func otherDataIsFound(t *testing.T, version string) {
	source := servers.StartEtcd(t, version, 3)
	leads, follower := rolesOf(t, source)
	client := oracle.Connect(t, leads.Endpoint)
	head := puts(t, client, "same", 40)
	flipABit(t, follower)
	store := newGate()
	b := startBackup(t, leads.Endpoint, store)
	b.awaitDurable(head)
	b.prove(store)
	head = puts(t, client, "more", 40)
	b.awaitDurable(head)
	before := b.Ledger.Standing().Recorded
	compactAt(t, client, head)
	eventually(t, "the alarm", func() bool { return len(b.events.of(event.MembersDisagree)) > 0 })
	alarm := b.events.of(event.MembersDisagree)[0]
	if alarm.Level != event.Error || alarm.Revision != head || !strings.Contains(alarm.Err.Error(), follower.Name) {
		t.Errorf("%+v", alarm)
	}
	if got := b.Ledger.Standing().Recorded; got.Revision != before.Revision {
		t.Errorf("revision %d was marked proven", got.Revision)
	}
	if ref, err := b.TakeFull(t.Context()); err != nil {
		t.Errorf("no full can be taken: %v", err)
	} else if got := b.Ledger.Standing().Recorded; got.Revision != before.Revision {
		t.Errorf("the proof of the full at %d was recorded", ref.Last)
	}
}

// rolesOf returns the member that leads, and another.
func rolesOf(t *testing.T, source *servers.Etcd) (leads, follower *servers.EtcdMember) {
	t.Helper()
	for _, m := range source.Members {
		client := oracle.Connect(t, m.Endpoint)
		s, err := client.Status(t.Context(), m.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if s.Leader == s.Header.MemberId {
			leads = m
		} else {
			follower = m
		}
	}
	if leads == nil {
		t.Fatal("nobody leads")
	}
	return leads, follower
}

// flipABit stops a member, changes a bit of the newest value in its database and
// starts it again.
func flipABit(t *testing.T, m *servers.EtcdMember) {
	t.Helper()
	m.Stop()
	db, err := bolt.Open(filepath.Join(m.DataDir, "member", "snap", "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket([]byte("key"))
		key, value := bucket.Cursor().Last()
		changed := append([]byte(nil), value...)
		changed[len(changed)-1] ^= 1
		return bucket.Put(append([]byte(nil), key...), changed)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	m.Restart()
}
