package inprocess

import (
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
)

// Identity is that of a cluster of one member.
func Identity(t testing.TB, name, peerURL string) ports.MemberIdentity {
	t.Helper()
	peer, err := url.Parse(peerURL)
	if err != nil {
		t.Fatal(err)
	}
	return ports.MemberIdentity{Name: name, ClusterToken: "etcd-cluster",
		InitialCluster: map[string][]url.URL{name: {*peer}}, InitialAdvertisePeer: []url.URL{*peer}}
}

// NewRestorer restores from a store, in silence.
func NewRestorer(store ports.ObjectStore) *restore.Restorer {
	return restore.New(revkeeper.New(store), datadir.Dirs{}, eventlog.Logger(slog.New(slog.DiscardHandler)))
}

// RestoreExactly makes a data directory of a cluster of one at a revision, with
// its revisions as they were, for servers.StartRestored. A restore that fails
// ends the test.
func RestoreExactly(t testing.TB, store ports.ObjectStore, revision int64) (dir string, _ restore.Result) {
	t.Helper()
	return Restore(t, store, restore.Request{Target: revision, KeepRevisions: true, Force: true})
}

// Restore carries out a request. Where that leaves them open, the directory is a
// temporary one and the member servers.StartRestored's.
func Restore(t testing.TB, store ports.ObjectStore, req restore.Request) (dir string, _ restore.Result) {
	t.Helper()
	if req.Dir == "" {
		req.Dir = filepath.Join(t.TempDir(), "data")
	}
	if req.Identity.Name == "" {
		req.Identity = Identity(t, "default", "http://localhost:2380")
	}
	res, err := NewRestorer(store).Run(t.Context(), req, nil)
	if err != nil {
		t.Fatalf("restore revision %d: %v", req.Target, err)
	}
	return req.Dir, res
}
