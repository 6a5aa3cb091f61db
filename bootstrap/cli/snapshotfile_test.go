package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/tests/stored"
)

// snapshotFile is what `etcdctl snapshot save` writes of ten revisions.
func snapshotFile(t *testing.T) string {
	t.Helper()
	var history stored.Changes
	for rev := int64(2); rev <= 10; rev++ {
		history = append(history, change("key", rev))
	}
	path := filepath.Join(t.TempDir(), "snap.db")
	if err := os.WriteFile(path, stored.Snapshot(t, t.TempDir(), history, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is said of a store is not said of one file.
func TestWhatIsSaidOfASnapshotFile(t *testing.T) {
	file := snapshotFile(t)
	plan := filepath.Join(t.TempDir(), "plan.json")
	renamed := filepath.Join(filepath.Dir(file), "renamed.db")
	if err := os.Link(file, renamed); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name       string
		args       []string
		code       int
		says, hush string
	}{
		{"it knows no times", []string{"restore", "--snapshot", file, "--to-time", "2026-01-01T10:00:00Z", "--dry-run"}, 3, "only fulls are stored, as in a snapshot file, and they do not say when", "later moment"},
		{"wherever a moment may be named", []string{"get", "key5", "--store", "snapshot://" + file, "--at", "2026-01-01T10:00:00Z", "--spool-dir", t.TempDir()}, 3, "choose a revision;", "later moment"},
		{"there is nothing to compare with", []string{"restore", "--snapshot", file, "--to-revision", "latest", "--data-dir", filepath.Join(t.TempDir(), "data")}, 0,
			"none: no answer of the live cluster is stored", "comparing with"},
		{"a plan is carried out from the file", []string{"restore", "plan", plan, "--snapshot", file, "--to-revision", "latest", "--initial-cluster", threeMembers}, 0,
			" --name m1 --snapshot … --data-dir", "--store"},
		{"also from one without a hash", []string{"restore", "plan", plan + "2", "--snapshot", file, "--skip-hash-check", "--to-revision", "latest", "--initial-cluster", threeMembers}, 0,
			" --name m1 --skip-hash-check --snapshot … --data-dir", "--store"},
		{"under the name that it had", []string{"restore", "apply", plan, "--snapshot", renamed, "--name", "m1", "--data-dir", filepath.Join(t.TempDir(), "data")}, 3,
			"that a snapshot file has the name that it had then", "comparing with"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := command(t, tc.args...)
			if said := got.stdout + got.stderr; got.code != tc.code || !strings.Contains(said, tc.says) || strings.Contains(said, tc.hush) {
				t.Errorf("exit %d, want %d that says %q and not %q:\n%s", got.code, tc.code, tc.says, tc.hush, said)
			}
		})
	}
}
