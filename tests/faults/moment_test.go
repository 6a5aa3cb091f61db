package faults

import (
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// A cluster is written to, rests, and is written to again, over a change of
// leader. Each rest is a moment whose revision is known exactly.
func TestAMomentIsTheRevisionOfThen(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	type rest struct {
		at       time.Time
		revision int64
	}
	var rests []rest
	head := puts(t, client, "first", 5)
	began := time.Now()
	for range 2 {
		b := startBackup(t, source.Endpoints()[0], store)
		b.awaitDurable(head)
		for range 3 {
			head = puts(t, client, "more", 20)
			b.awaitDurable(head)
			rests = append(rests, rest{time.Now(), head})
			// The cluster was seen at rest, so that what follows is known to be later.
			eventually(t, "a look at the cluster", func() bool { return b.state.Backup().CaughtUpAt.After(rests[len(rests)-1].at) })
		}
		b.stop()
	}
	r := restorer(store)
	for _, rest := range rests {
		m, err := r.Moment(t.Context(), 0, rest.at)
		if err != nil || m.Revision != rest.revision || m.Highest != rest.revision {
			t.Errorf("at %s: %+v, %v; the cluster was at %d", rest.at, m, err, rest.revision)
		}
	}
	if m, err := r.Moment(t.Context(), 0, time.Now()); err != nil || m.Revision != head || !m.Ends {
		t.Errorf("now: %+v, %v; the cluster is at %d", m, err, head)
	}
	if m, err := r.Moment(t.Context(), 0, began.Add(-time.Hour)); !errors.Is(err, fault.NotFound) {
		t.Errorf("before the backup: %+v, %v", m, err)
	}
	middle := rests[2]
	sameAfterRestore(t, store, client, 0, middle.revision)
}

// A key is deleted twice, the second time by a range.
func TestBeforeAKeyWasDeleted(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	head := puts(t, client, "k", 30)
	if _, err := client.Delete(t.Context(), "ka"); err != nil {
		t.Fatal(err)
	}
	head = puts(t, client, "k", 30)
	b.awaitDurable(head)
	second, err := client.Delete(t.Context(), "k", clientv3.WithRange("kb"))
	if err != nil {
		t.Fatal(err)
	}
	head = puts(t, client, "other", 30)
	b.awaitDurable(head)
	b.stop()
	r := restorer(store)
	revision, epoch, err := r.BeforeDelete(t.Context(), 0, []byte("ka"))
	if err != nil || epoch != 1 || revision != second.Header.Revision-1 {
		t.Fatalf("revision %d of timeline %d, %v; the key went at %d", revision, epoch, err, second.Header.Revision)
	}
	res := sameAfterRestore(t, store, client, 0, revision)
	if res.Plan.Target != revision {
		t.Errorf("restored %d", res.Plan.Target)
	}
	if revision, _, err := r.BeforeDelete(t.Context(), 0, []byte("otherz")); !errors.Is(err, fault.NotFound) {
		t.Errorf("a key that lives: %d, %v", revision, err)
	}
}
