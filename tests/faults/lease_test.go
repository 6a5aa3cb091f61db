package faults

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// mute cannot be asked about leases, as a cluster without a leader.
type mute struct{ ports.Cluster }

func (mute) LeaseTTL(context.Context, int64) (snapshot.Lease, error) {
	return snapshot.Lease{}, fault.New(fault.Unavailable, "look up a lease", "", "nobody leads")
}

// While a cluster elects a leader nobody can tell the TTL of a lease, and the delta
// that names it does not wait for ever. The leader after that tells it, although the
// key is not written again; and a restore to before then finds it there.
func TestALeaseThatNobodyCouldTellOfIsToldByALaterLeader(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	head := puts(t, client, "first", 5)
	store := newGate()
	silent := func(s *inprocess.Setup) {
		s.Cluster = func(c ports.Cluster) ports.Cluster { return mute{c} }
	}
	b := startBackupAs(t, source.Endpoints()[0], store, silent)
	b.awaitDurable(head)
	lease, err := client.Grant(t.Context(), 4321)
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Put(t.Context(), "leased", "1", clientv3.WithLease(lease.ID))
	if err != nil {
		t.Fatal(err)
	}
	named := r.Header.Revision
	b.awaitDurable(named)
	b.stop()
	// The next one is not answered either, but says what is owed.
	b = startBackupAs(t, source.Endpoints()[0], store, silent)
	b.awaitDurable(puts(t, client, "second", 5))
	b.stop()
	b = startBackup(t, source.Endpoints()[0], store)
	head = puts(t, client, "third", 5)
	b.awaitDurable(head)
	b.stop()
	for _, target := range []int64{named, named + 2, head} {
		dir, res, err := tryRestore(t, store, 0, target)
		if err != nil || len(res.Plan.Deltas) == 0 {
			t.Fatalf("%+v, %v", res.Plan, err)
		}
		if ttl := oracle.LeaseTTL(t, boot(t, dir), int64(lease.ID)); ttl != 4321 || res.Finished.LeasesDefaulted != 0 {
			t.Errorf("at revision %d the lease has a TTL of %d s, 4321 were granted; %d are guessed", target, ttl, res.Finished.LeasesDefaulted)
		}
	}
}
