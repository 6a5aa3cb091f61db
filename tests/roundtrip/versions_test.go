package roundtrip

import (
	"context"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// backedUp is a cluster whose members and database have agreed on their release,
// and a store that has everything of it.
type backedUp struct {
	client *clientv3.Client
	store  ports.ObjectStore
	head   int64
}

func backUp(t *testing.T, version string) backedUp {
	t.Helper()
	source := servers.StartEtcd(t, version, 1)
	b := backedUp{client: oracle.Connect(t, source.Endpoints()[0])}
	w := load.New(b.client, 29)
	must(t, w.Do(t.Context(), 100))
	settled(t, b.client, version)
	var err error
	b.store, err = local.New(t.TempDir())
	must(t, err)
	duty := startBackup(t, source.Endpoints()[0], b.store)
	must(t, w.Do(t.Context(), 50))
	duty.takeDelta(t)
	b.head = oracle.Revision(t, b.client)
	duty.AwaitDurable(t, b.head)
	duty.stop()
	return b
}

// of is the release of a program in tests/images.
func of(t *testing.T, version string) release.Release {
	t.Helper()
	r, err := release.Parse("3." + strings.TrimPrefix(version, "etcd3"))
	must(t, err)
	return r
}

// settled waits until a single member's database is of the member's release.
func settled(t *testing.T, c *clientv3.Client, version string) {
	t.Helper()
	want := of(t, version).Version()
	if version == "etcd35" {
		want = "" // it does not say
	}
	inprocess.Eventually(t, "the database to be of "+version, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := c.Status(ctx, c.Endpoints()[0])
		return err == nil && r.StorageVersion == want
	})
}

// restoreFor restores the head for a release; none for the one that was backed up.
func (b backedUp) restoreFor(t *testing.T, wanted release.Release) string {
	t.Helper()
	dir, res := inprocess.Restore(t, b.store, restore.Request{Target: b.head, KeepRevisions: true, Force: true, Etcd: wanted})
	if res.Plan.EtcdVersion == "" || res.Plan.Etcd != wanted {
		t.Errorf("the plan is of %q for %s", res.Plan.EtcdVersion, res.Plan.Etcd)
	}
	return dir
}

// goesOn starts etcd of a version on a directory, compares it, waits until it has
// made the database its own, writes, and stops it.
func (b backedUp) goesOn(t *testing.T, version, dir string) {
	t.Helper()
	m, err := servers.TryRestored(t, version, dir)
	must(t, err)
	restored := oracle.Connect(t, m.Endpoint)
	oracle.SameAt(t, b.client, restored, b.head)
	settled(t, restored, version)
	if _, err := restored.Put(t.Context(), "after", version); err != nil {
		t.Error(err)
	}
	m.Stop()
}

// A backup of any release is restored for any other. For an older one the database
// must be told so: as it is, etcd 3.6 refuses it, and 3.5 takes it and leaves it to
// be refused when it is updated.
func TestABackupIsRestoredForAnOlderEtcd(t *testing.T) {
	b := backUp(t, "etcd37")
	as := b.restoreFor(t, release.Release{})
	if _, err := servers.TryRestored(t, "etcd36", as); err == nil || !strings.Contains(err.Error(), `version \"3.7.0\" is not supported`) {
		t.Errorf("etcd 3.6 starts with a database of 3.7: --etcd-version may not be needed any more: %v", err)
	}
	m, err := servers.TryRestored(t, "etcd35", as)
	must(t, err)
	m.Stop()
	if _, err := servers.TryRestored(t, "etcd36", as); err == nil {
		t.Error("etcd 3.5 takes a database of 3.7 and can be updated: the documents say otherwise")
	}
	b.goesOn(t, "etcd36", b.restoreFor(t, of(t, "etcd36")))
	dir := b.restoreFor(t, of(t, "etcd35"))
	for _, next := range []string{"etcd35", "etcd36"} { // and updated
		m, err := servers.TryRestored(t, next, dir)
		must(t, err)
		settled(t, oracle.Connect(t, m.Endpoint), next)
		m.Stop()
	}
}
