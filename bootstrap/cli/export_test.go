package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
)

func TestExportSaysWhatItWrote(t *testing.T) {
	b := eventful(t)
	path := filepath.Join(t.TempDir(), "snapshot.db")
	got := command(t, "export", "--store", b.url(), "--spool-dir", t.TempDir(), "--to-revision", "23", "--to", path)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	for _, want := range []string{"exported revision 23 of timeline 1 as " + path, "a full of revision 10 and 2 deltas", "the restored records hash to ", "as member a2 answered at revision 10; from there to 23 the history is continuous"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is missing in\n%s", want, got.stdout)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Size()%512 != 32 || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	folded := path + ".folded"
	got = command(t, "export", "--store", b.url(), "--spool-dir", t.TempDir(), "--to-revision", "23", "--to", folded, "--folded", "-o", "json")
	var d render.ExportDocument
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if d.Revision != 23 || d.Written != folded || d.Size != d.StoredSize || d.Proof == nil || d.Repacked == nil || !d.Repacked.Folded || d.Deltas != 2 {
		t.Errorf("%+v", d)
	}
}

func TestExportToEtcdBackupRestore(t *testing.T) {
	b := eventful(t)
	theirs := t.TempDir()
	export := func(revision string) outcome {
		return command(t, "export", "--store", b.url(), "--spool-dir", t.TempDir(), "--to-revision", revision, "--format", "gardener", "--to", theirs)
	}
	if got := export("23"); got.code != 0 || !strings.Contains(got.stdout, "as v2/Full-00000000-00000023-") {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := export("22"); got.code != 4 || !strings.Contains(got.stderr, "goes beyond revision 22") {
		t.Errorf("one below it: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	// The store that it is from is none of theirs.
	if got := command(t, "export", "--store", b.url(), "--spool-dir", t.TempDir(), "--to-revision", "23", "--format", "gardener", "--to", b.dir); got.code != 4 || !strings.Contains(got.stderr, "holds timelines of revkeeper") {
		t.Errorf("into its own store: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	// Nor is a folder inside of it, by whatever name.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(b.dir, link); err != nil {
		t.Fatal(err)
	}
	before := objects(t, b.dir)
	for _, to := range []string{b.url() + "/v2", filepath.Join(b.dir, "a", "b"), filepath.Join(link, "v2")} {
		for _, store := range []string{b.url(), "file://" + link} {
			got := command(t, "export", "--store", store, "--spool-dir", t.TempDir(), "--to-revision", "23", "--format", "gardener", "--to", to)
			if got.code != 2 || !strings.Contains(got.stderr, "inside the store") || !strings.Contains(got.stderr, "what to do: ") {
				t.Errorf("from %s into %s: exit %d: %s%s", store, to, got.code, got.stdout, got.stderr)
			}
		}
	}
	inBucket := []string{"export", "--store", "s3://backups/prod?endpoint=http://127.0.0.1:1&region=a", "--to-revision", "23", "--format", "gardener"}
	if got := command(t, append(inBucket, "--to", "s3://backups/prod/old?endpoint=http://127.0.0.1:1/&region=b")...); got.code != 2 || !strings.Contains(got.stderr, "inside the store") {
		t.Errorf("a prefix below: exit %d: %s", got.code, got.stderr)
	}
	if after := objects(t, b.dir); !slices.Equal(after, before) {
		t.Errorf("it left %v", after)
	}
	// What was written is a store that restore takes, and export.
	again := filepath.Join(t.TempDir(), "snapshot.db")
	if got := command(t, "export", "--store", "file://"+theirs, "--spool-dir", t.TempDir(), "--to-revision", "latest", "--to", again); got.code != 0 || !strings.Contains(got.stdout, "exported revision 23 of timeline 1 as "+again) {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	got := command(t, "restore", "--store", "file://"+theirs, "--to-revision", "latest", "--data-dir", filepath.Join(t.TempDir(), "data"))
	if got.code != 0 || !strings.Contains(got.stdout, "restored revision 23 of timeline 1") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestExportRefusals(t *testing.T) {
	b := eventful(t)
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"everything wrong at once", []string{"--format", "tape", "--timeline", "-1"}, 2, []string{"4 settings", "--to-revision", "--to", "--format", "--timeline"}},
		{"what cannot be taken back", []string{"--to-revision", "23", "--to", "-"}, 2, []string{`--to="-": is no file`, "./-"}},
		{"a file that is there", []string{"--to-revision", "23", "--to", taken}, 4, []string{"exists already", "another file"}},
		{"a directory that is not", []string{"--to-revision", "23", "--to", filepath.Join(dir, "none", "x")}, 2, []string{"directory that exists"}},
		{"a revision that is not restorable", []string{"--to-revision", "40", "--timeline", "1", "--to", filepath.Join(dir, "x")}, 3, []string{"restorable: 1–30, 45–50"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := command(t, append([]string{"export", "--store", b.url(), "--spool-dir", t.TempDir()}, tc.args...)...)
			if got.code != tc.code || got.stdout != "" {
				t.Errorf("exit %d, want %d: %s%s", got.code, tc.code, got.stdout, got.stderr)
			}
			for _, want := range tc.says {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("%q is missing in %s", want, got.stderr)
				}
			}
		})
	}
	if content, err := os.ReadFile(taken); err != nil || string(content) != "somebody's" {
		t.Errorf("%q, %v", content, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left %v", entries)
	}
}
