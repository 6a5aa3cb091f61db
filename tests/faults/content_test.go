package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// Each kind of content once in the full and once in a delta.
func TestOddContent(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	store := newGate()
	put := func(k, v string) {
		if _, err := client.Put(t.Context(), k, v); err != nil {
			t.Fatal(err)
		}
	}
	write := func(round string) int64 {
		put("largest", strings.Repeat(round, 1_400_000))
		put(strings.Repeat("\xff", 300), round)
		put("\x00", "the smallest key")
		put("empty"+round, "")
		put(strings.Repeat("long key", 20_000), "")
		if _, err := client.Txn(t.Context()).Then(
			clientv3.OpPut("twice", "1"), clientv3.OpDelete("empty"+round), clientv3.OpPut("once", round)).Commit(); err != nil {
			t.Fatal(err)
		}
		return oracle.Revision(t, client)
	}
	first := write("1")
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(first)
	head := write("2")
	b.awaitDurable(head)
	for _, target := range []int64{first, head - 3, head} {
		sameAfterRestore(t, store, client, 0, target)
	}
}

// oneRevisionOfDeletes deletes n keys in one revision while a backup watches.
func oneRevisionOfDeletes(t *testing.T, n int) {
	source := servers.StartEtcd(t, version, 1, servers.EtcdArgs("--max-txn-ops", "5000"))
	client := oracle.Connect(t, source.Endpoints()[0])
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(8)
	const batch = 2500
	for from := 0; from < n; from += batch {
		g.Go(func() error {
			ops := make([]clientv3.Op, 0, batch)
			for i := from; i < min(from+batch, n); i++ {
				ops = append(ops, clientv3.OpPut(fmt.Sprintf("many/%07d/%s", i, strings.Repeat("k", 40)), ""))
			}
			_, err := client.Txn(ctx).Then(ops...).Commit()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store)
	b.awaitDurable(oracle.Revision(t, client))
	puts(t, client, "before", 3)
	gone := deleteMany(t, client, n)
	head := puts(t, client, "after", 3)
	b.awaitDurable(head)
	oneFullNoGap(t, store, head)
	for _, target := range []int64{gone - 1, gone, head} {
		sameAfterRestore(t, store, client, 0, target)
	}
}

// deleteMany deletes all n keys in one revision, which it returns. etcd gives up
// waiting for itself after some seconds, and deletes all the same.
func deleteMany(t *testing.T, client *clientv3.Client, n int) (revision int64) {
	t.Helper()
	before := oracle.Revision(t, client)
	r, err := client.Delete(t.Context(), "many/", clientv3.WithPrefix())
	if err == nil && r.Deleted != int64(n) {
		t.Fatalf("deleted %d of %d", r.Deleted, n)
	}
	eventually(t, fmt.Sprintf("the deletion of %d keys, after %v", n, err), func() bool {
		return oracle.Revision(t, client) == before+1
	})
	return before + 1
}

func TestOneRevisionOf100000Deletes(t *testing.T) { oneRevisionOfDeletes(t, 100_000) }

func TestAUserIsACauseForAFull(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	plain := oracle.Connect(t, source.Endpoints()[0])
	for _, err := range []error{
		second(plain.UserAdd(t.Context(), "root", "secret")), second(plain.UserGrantRole(t.Context(), "root", "root")),
		second(plain.AuthEnable(t.Context())),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := clientv3.New(clientv3.Config{Endpoints: source.Endpoints(), Username: "root", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	head := puts(t, root, "k", 20)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := newGate()
	b := startBackup(t, source.Endpoints()[0], store, func(_ *backup.Config, ec *etcd.Config) {
		ec.Username, ec.PasswordFile = "root", password
	})
	b.awaitDurable(head)
	eventually(t, "the proof", func() bool { return len(b.events.of(event.ProofRecorded)) == 1 })
	if _, err := root.UserAdd(t.Context(), "somebody", "else"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a full because of the user", func() bool { return len(b.events.of(event.FullStored)) == 2 })
	changed := b.events.of(event.AuthChanged)
	if len(changed) != 1 {
		t.Errorf("events of auth changes: %+v", changed)
	}
	head = puts(t, root, "l", 5)
	b.awaitDurable(head)

	dir, res, err := tryRestore(t, store, 0, head)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := servers.StartRestored(t, version, dir)
	restored, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Username: "root", Password: "secret"})
	if err != nil {
		t.Fatalf("log in to the restored cluster: %v (%v)", err, res.Warnings)
	}
	t.Cleanup(func() { _ = restored.Close() })
	users, err := restored.UserList(t.Context())
	if err != nil || strings.Join(users.Users, " ") != "root somebody" {
		t.Errorf("users %v, %v", users, err)
	}
	oracle.SameKeys(t, root, restored, head)
}

func second[T any](_ T, err error) error { return err }

// The member's ids in a restored directory are what etcd would compute for the
// same names and URLs.
func TestRestoredIdsAreEtcdsOwn(t *testing.T) {
	source := servers.StartEtcd(t, version, 1)
	m := source.Members[0]
	client := oracle.Connect(t, m.Endpoint)
	head := puts(t, client, "k", 5)
	store := newGate()
	startBackup(t, m.Endpoint, store).awaitDurable(head)
	want := members(t, client)
	dir, res, err := tryRestore(t, store, 0, head)
	if err != nil {
		t.Fatal(err)
	}
	got := members(t, boot(t, dir))
	if uint64(res.Finished.MemberID) != got.Members[0].ID || uint64(res.Finished.ClusterID) != got.Header.ClusterId {
		t.Errorf("restored as member %s of cluster %s, etcd says %x of %x",
			res.Finished.MemberID, res.Finished.ClusterID, got.Members[0].ID, got.Header.ClusterId)
	}
	if got.Members[0].ID == want.Members[0].ID {
		t.Error("other URLs gave the same id")
	}
	own := filepath.Join(t.TempDir(), "own")
	out, err := restorer(store).Run(t.Context(), restore.Request{Target: head, Dir: own, Identity: inprocess.Identity(t, m.Name, m.PeerURL)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if uint64(out.Finished.MemberID) != want.Members[0].ID || uint64(out.Finished.ClusterID) != want.Header.ClusterId {
		t.Errorf("restored as member %s of cluster %s; etcd computed %x of %x for the same flags",
			out.Finished.MemberID, out.Finished.ClusterID, want.Members[0].ID, want.Header.ClusterId)
	}
}

func members(t *testing.T, c *clientv3.Client) *clientv3.MemberListResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := c.MemberList(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
