package e2e

import (
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// A sidecar that was pointed at backups of etcd-backup-restore says so and writes
// nothing beside them: then they would not be read any more.
func TestASidecarLeavesTheBackupsOfAnother(t *testing.T) {
	dir, store := folder(t)
	if err := os.CopyFS(dir, os.DirFS("../compat/testdata/gardener-v2/gardener-gzip/store")); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	etcd := servers.StartEtcd(t, "etcd37", 1)
	s := run(t, etcd.Endpoints()[0], store)
	st := s.await("what is wrong with the store", func(st openapi.Status) bool { return leads(st) && st.Backup.LastError != "" })
	contains(t, st.Backup.LastError, "it holds backups of etcd-backup-restore", "a prefix of its own")
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if after := files(t, dir); !slices.Equal(after, before) {
		t.Errorf("the store held\n%v\nand now\n%v", before, after)
	}
}

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
