//go:build extended

package compat

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// Each point by itself, on each version of etcd: what was restored to it is at that
// very revision, and answers as the source did.
func TestExtendedGardenerOnEachVersion(t *testing.T) {
	store, want := fixture(t, "gardener-gzip")
	for _, version := range []string{"etcd35", "etcd36", "etcd37"} {
		for i, p := range want.Points {
			t.Run(fmt.Sprintf("%s at %d", version, p.Revision), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "data")
				restoreInto(t, store, restore.Request{Target: p.Revision, Dir: dir, KeepRevisions: true, Force: true, DefaultLeaseTTL: 3600})
				client := oracle.Connect(t, servers.StartRestored(t, version, dir))
				if at := oracle.Revision(t, client); at != p.Revision {
					t.Errorf("at revision %d, want %d", at, p.Revision)
				}
				served(t, client, expectation{Points: want.Points[:i+1]})
			})
		}
	}
}
