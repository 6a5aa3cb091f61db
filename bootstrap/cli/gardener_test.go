package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// theirs is a copy of a bucket that etcd-backup-restore filled.
func theirs(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(dir, os.DirFS("../../tests/compat/testdata/gardener-v2/gardener-gzip/store")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// objects are the names and sizes of everything in a folder.
func objects(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		out = append(out, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCommandsOnBackupsOfEtcdBackupRestore(t *testing.T) {
	dir := theirs(t)
	for _, tc := range []struct {
		golden string
		args   []string
	}{
		{"gardener-list.txt", []string{"list", "--deltas"}},
		{"gardener-list.json", []string{"list", "-o", "json"}},
		{"gardener-verify.txt", []string{"verify", "--spool-dir", t.TempDir()}},
		{"gardener-inspect.txt", []string{"inspect", "--spool-dir", t.TempDir()}},
		{"gardener-history.txt", []string{"history", "/registry/leases/base", "--spool-dir", t.TempDir()}},
		{"gardener-diff.txt", []string{"diff", "30", "70", "--limit", "3", "--spool-dir", t.TempDir()}},
		{"gardener-dry-run.txt", []string{"restore", "--dry-run", "--to-time", "2026-11-22T16:09:46Z"}},
		{"gardener-dry-run-latest.txt", []string{"restore", "--dry-run", "--to-revision", "latest"}},
		{"gardener-dry-run-past.txt", []string{"restore", "--dry-run", "--to-revision", "30"}},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := command(t, append(tc.args, "--store", "file://"+dir)...)
			if got.code != 0 {
				t.Errorf("exit %d: %s", got.code, got.stderr)
			}
			golden(t, tc.golden, withoutTimes(got.stdout), dir, "/STORE")
		})
	}
}

func TestRestoreOfABackupOfEtcdBackupRestore(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	got := command(t, "restore", "--store", "file://"+theirs(t), "--to-revision", "latest", "--data-dir", data, "--default-lease-ttl", "2h", "-o", "json")
	var result struct {
		Revision    int64    `json:"revision"`
		EtcdVersion string   `json:"etcdVersion"`
		Warnings    []string `json:"warnings"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &result); got.code != 0 || err != nil || result.Revision != 131 {
		t.Fatalf("exit %d, %s%s, %v", got.code, got.stdout, got.stderr, err)
	}
	if !slices.ContainsFunc(result.Warnings, func(w string) bool { return w == "1 lease whose TTL nobody recorded got 7200 seconds" }) {
		t.Errorf("told %q", result.Warnings)
	}
	if _, err := os.Stat(filepath.Join(data, "member", "snap", "db")); err != nil {
		t.Error(err)
	}
	if result.EtcdVersion != "3.5" {
		t.Errorf("of etcd %q", result.EtcdVersion)
	}
	said := command(t, "restore", "--store", "file://"+theirs(t), "--to-revision", "latest", "--data-dir", filepath.Join(t.TempDir(), "data"))
	if want := "as backed up from 3.5: for 3.5 and newer; --etcd-version makes it for an older one"; !strings.Contains(said.stdout, want) {
		t.Errorf("%q is missing in\n%s%s", want, said.stdout, said.stderr)
	}
	for _, ttl := range []string{"0s", "-1m", "1500ms"} {
		if got := command(t, "restore", "--store", "file:///x", "--to-revision", "latest", "--default-lease-ttl", ttl); got.code != 2 || !strings.Contains(got.stderr, "--default-lease-ttl") {
			t.Errorf("%s: exit %d: %s", ttl, got.code, got.stderr)
		}
	}
}

// What would change such a bucket refuses it, says why, and leaves it as it is.
func TestNothingChangesABucketOfEtcdBackupRestore(t *testing.T) {
	dir := theirs(t)
	before := objects(t, dir)
	for _, args := range [][]string{
		{"gc", "--dry-run"}, {"gc", "--yes"}, {"pin", "131"}, {"unpin", "131"}, {"compact"}, {"compact", "--dry-run"},
		{"timeline", "retire", "1"}, {"timeline", "ack", "1"},
	} {
		got := command(t, append(args, "--store", "file://"+dir)...)
		if got.code != 9 || !strings.Contains(got.stderr, "it holds backups of etcd-backup-restore") {
			t.Errorf("%v: exit %d: %s", args, got.code, got.stderr)
		}
		if after := objects(t, dir); !slices.Equal(after, before) {
			t.Fatalf("%v left %v", args, after)
		}
	}
}

// Beside revkeeper's own backups the others do not count, and that is said.
func TestOwnBackupsGoBeforeThoseOfEtcdBackupRestore(t *testing.T) {
	b := chained(t)
	if err := os.CopyFS(b.dir, os.DirFS(theirs(t))); err != nil {
		t.Fatal(err)
	}
	const said = "the store also holds backups of etcd-backup-restore, which are not read beside those of revkeeper"
	for _, args := range [][]string{{"list"}, {"verify", "--spool-dir", b.spool}, {"restore", "--to-revision", "60", "--dry-run"}} {
		got := command(t, append(args, "--store", b.url())...)
		if got.code != 0 || !strings.Contains(got.stderr, said) || strings.Contains(got.stdout, "62–131") {
			t.Errorf("%v: exit %d: %s%s", args, got.code, got.stdout, got.stderr)
		}
	}
	if got := command(t, "pin", "60", "--store", b.url()); got.code != 0 {
		t.Errorf("pin: exit %d: %s", got.code, got.stderr)
	}
}
