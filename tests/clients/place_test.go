// Package clients runs what keeps a copy of a cluster - a mirror over a watch, a
// Kubernetes informer - across a restore, and looks at what it believes afterwards.
package clients

import (
	"os"
	"testing"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// restoreInPlace has an etcd of one member be what the store has at a revision, at
// the same address: bumped as a restore for clients is, or else with its revisions
// kept, which only --force does where later ones are stored.
func restoreInPlace(t *testing.T, m *servers.EtcdMember, store ports.ObjectStore, revision int64, keep bool) restore.Result {
	t.Helper()
	m.Kill()
	if err := os.RemoveAll(m.DataDir); err != nil {
		t.Fatal(err)
	}
	_, res := inprocess.Restore(t, store, restore.Request{Target: revision, Dir: m.DataDir,
		Identity: inprocess.Identity(t, m.Name, m.PeerURL), KeepRevisions: keep, Force: keep})
	m.Restart()
	return res
}
