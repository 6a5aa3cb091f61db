package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
)

func TestDryRunShowsThePlanAndDoesNothing(t *testing.T) {
	b := eventful(t)
	dir := filepath.Join(t.TempDir(), "data")
	for _, tc := range []struct {
		golden string
		args   []string
	}{
		{"dry-run.txt", []string{"--to-revision", "23"}},
		{"dry-run-latest-kept.txt", []string{"--to-revision", "latest", "--keep-revisions", "--force"}},
		{"dry-run-folded.txt", []string{"--to-revision", "23", "--folded"}},
		{"dry-run-defragment.txt", []string{"--to-revision", "23", "--defragment"}},
		{"dry-run.json", []string{"--to-revision", "23", "-o", "json", "--seen-revision", "7000"}},
		{"dry-run-moment.txt", []string{"--to-time", "2026-11-03T10:04:30Z"}},
		{"dry-run-moment.json", []string{"--to-time", "2026-11-03T10:04:30Z", "-o", "json"}},
		{"dry-run-around-dispute.txt", []string{"--to-revision", "47", "--name", "m2",
			"--initial-cluster", "m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380", "--initial-advertise-peer-urls", "http://10.0.0.2:2380"}},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := command(t, append([]string{"restore", "--store", b.url(), "--data-dir", dir, "--dry-run"}, tc.args...)...)
			if got.code != 0 || got.stderr != "" {
				t.Fatalf("exit %d: %s", got.code, got.stderr)
			}
			golden(t, tc.golden, got.stdout, dir, "/DATA")
		})
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a dry run left %s: %v", dir, err)
	}
}

// Who names no directory asks about the store, wherever that is asked.
func TestADryRunWithoutADirectory(t *testing.T) {
	b := eventful(t)
	dir := t.TempDir()
	b.must(os.MkdirAll(filepath.Join(dir, "default.etcd", "member"), 0o700))
	t.Chdir(dir)
	const says = "would be refused: prepare data directory "
	for _, more := range [][]string{nil, {"-o", "json"}} {
		got := command(t, append([]string{"restore", "--store", b.url(), "--to-revision", "23", "--dry-run"}, more...)...)
		if got.code != 0 || !strings.Contains(got.stdout, says) || !strings.Contains(got.stdout, "not empty: member") {
			t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
		}
	}
	if got := command(t, "restore", "--store", b.url(), "--to-revision", "23"); got.code != 4 {
		t.Errorf("the restore: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestRestoreProvesWhatItRestored(t *testing.T) {
	b := eventful(t)
	dir := filepath.Join(t.TempDir(), "data")
	got := command(t, "restore", "--store", b.url(), "--data-dir", dir, "--to-revision", "23")
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	for _, want := range []string{"restored revision 23 of timeline 1", "23 → 1000000065", "the restored records hash to ", "as member a2 answered at revision 10; from there to 23 the history is continuous", "but not compared"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is missing in\n%s", want, got.stdout)
		}
	}
	for _, want := range []string{"applying deltas", "making it durable"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("progress %q is missing in\n%s", want, got.stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "member", "snap", "db")); err != nil {
		t.Error(err)
	}
}

func TestAFoldedRestoreSaysWhatIsLeft(t *testing.T) {
	b := eventful(t)
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"--folded"}, "22 records of 22 left; the state hashes to "},
		{[]string{"--defragment"}, ", without free pages"},
	} {
		got := command(t, append([]string{"restore", "--store", b.url(), "--data-dir", filepath.Join(t.TempDir(), "data"), "--to-revision", "23"}, tc.args...)...)
		if got.code != 0 || !strings.Contains(got.stdout, tc.says) || !strings.Contains(got.stdout, "the restored records hash to ") || !strings.Contains(got.stderr, "leaving out") {
			t.Errorf("%v: exit %d, %q is missing in\n%s%s", tc.args, got.code, tc.says, got.stdout, got.stderr)
		}
	}
	got := command(t, "restore", "--store", b.url(), "--data-dir", filepath.Join(t.TempDir(), "data"), "--to-revision", "23", "--folded", "-o", "json")
	var r render.ResultDocument
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if x := r.Repacked; x == nil || !x.Folded || x.HashKV == nil || x.RecordsBefore != 22 || x.RecordsAfter != 22 {
		t.Errorf("%+v", x)
	}
}

func TestRestoreAsJSON(t *testing.T) {
	b := eventful(t)
	got := command(t, "restore", "--store", b.url(), "--data-dir", filepath.Join(t.TempDir(), "data"),
		"--to-revision", "latest", "--keep-revisions", "--force", "-o", "json")
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	var r render.ResultDocument
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Revision != 50 || r.BumpRevision != 0 || r.Proof != nil || len(r.Warnings) != 2 || !strings.Contains(r.Warnings[1], "61–65 of timeline 2") {
		t.Errorf("got %+v", r)
	}
}

func TestRestoreRefusals(t *testing.T) {
	b := eventful(t)
	full := filepath.Join(t.TempDir(), "full")
	if err := os.MkdirAll(filepath.Join(full, "member"), 0o700); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(b.dir, "format.json", "data")
	contradiction := []string{"--name", "m1", "--initial-advertise-peer-urls", "http://127.0.0.1:999", "--initial-cluster", "m1=http://127.0.0.1:1"}
	for _, tc := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"no target", nil, 2, []string{"exactly one is needed", "--before-delete"}},
		{"two targets", []string{"--to-revision", "5", "--to-time", "14:03"}, 2, []string{"exactly one is needed"}},
		{"a moment that is none", []string{"--to-time", "noon"}, 2, []string{"--to-time=\"noon\"", "14:03"}},
		{"a moment to come", []string{"--to-time", "2999-01-01T00:00:00Z"}, 2, []string{"lies in the future"}},
		{"a moment before the backup", []string{"--to-time", "2026-11-03T09:59:00Z"}, 3, []string{"began at 2026-11-03T10:01:00Z"}},
		{"a moment of which nothing is known", []string{"--to-time", "2026-11-03T10:02:00Z"}, 3, []string{"nothing in timeline 1"}},
		{"a moment inside a gap", []string{"--to-time", "2026-11-03T10:08:30Z"}, 3, []string{"revision 34", "restorable: 1–30, 45–50"}},
		{"a key that was never deleted", []string{"--before-delete", "nobody", "--timeline", "1"}, 3, []string{"nobody", "begin at revision 11"}},
		{"a target that is none", []string{"--to-revision", "newest"}, 2, []string{"a revision, or latest"}},
		{"a target outside the windows", []string{"--to-revision", "40", "--timeline", "1"}, 3, []string{"restorable: 1–30, 45–50", "31–32, 35–40", "what to do:"}},
		{"a target that two histories dispute", []string{"--to-revision", "28"}, 6, []string{"26–30", "revision 25 is the newest"}},
		{"a timeline without a base", []string{"--to-revision", "63", "--timeline", "2"}, 3, []string{"no finished full"}},
		{"a timeline that is none", []string{"--to-revision", "5", "--timeline", "7"}, 3, []string{"timeline 7"}},
		{"a directory with data", []string{"--to-revision", "5", "--data-dir", full}, 4, []string{"not empty: member", "what to do:"}},
		{"a directory with data, in a dry run", []string{"--to-revision", "5", "--data-dir", full, "--dry-run"}, 4, []string{"not empty: member", "what to do:"}},
		{"a directory that cannot be", []string{"--to-revision", "5", "--data-dir", nowhere}, 2, []string{"not a directory", "what to do: name a directory"}},
		{"a directory that cannot be, in a dry run", []string{"--to-revision", "5", "--data-dir", nowhere, "--dry-run"}, 2, []string{"not a directory", "what to do: name a directory"}},
		{"a directory that cannot be made", []string{"--to-revision", "5", "--data-dir", "/proc/none"}, 2, []string{"/proc/none", "what to do: name a directory"}},
		{"peer URLs that contradict each other", append(contradiction, "--to-revision", "5"), 2, []string{"identify member m1", "what to do: give the member the same peer URLs"}},
		{"the same in a dry run", append(contradiction, "--to-revision", "5", "--dry-run"), 2, []string{"identify member m1"}},
		{"the same before anything is read", append(contradiction, "--to-revision", "5", "--store", "file:///none"), 2, []string{"identify member m1"}},
		{"two ways to count at once", []string{"--to-revision", "5", "--keep-revisions", "--seen-revision", "9"}, 2, []string{"--seen-revision"}},
		{"an exact copy that clients could meet", []string{"--to-revision", "23", "--keep-revisions"}, 4, []string{"up to 65", "--force"}},
		{"an etcd that is none", []string{"--to-revision", "5", "--etcd-version", "newest"}, 2, []string{"--etcd-version=\"newest\"", "as in 3.6"}},
		{"an etcd that is too old", []string{"--to-revision", "5", "--etcd-version", "3.4.38"}, 9, []string{"3.4", "restore for etcd 3.5 or a newer one"}},
		{"force for nothing", []string{"--to-revision", "23", "--force"}, 2, []string{"--force: has nothing to force: only --keep-revisions is refused", "leave --force out; or add --keep-revisions"}},
		{"two ways to continue at once", []string{"--to-revision", "5", "--keep-revisions", "--bump-to", "9"}, 2, []string{"--bump-to=\"9\": continues from another revision, and --keep-revisions from the same", "give one of the two"}},
		{"a revision below all", []string{"--to-revision", "5", "--bump-to", "-9"}, 2, []string{"--bump-to=\"-9\": is negative", "leave it out"}},
		{"a cluster without the member", []string{"--to-revision", "5", "--name", "m1", "--initial-cluster", "m2=http://a:2380"}, 2, []string{"does not name the member m1"}},
		{"two members that would differ", []string{"--to-revision", "latest", "--initial-cluster", "default=http://localhost:2380,m2=http://a:2380"}, 2,
			[]string{"3 settings", "--to-revision", "  --bump-to: is missing, and every member", "--initial-cluster-token: is missing, and every member"}},
		{"a moment for several members", []string{"--to-time", "14:03", "--bump-to", "1000", "--initial-cluster", "default=http://localhost:2380,m2=http://a:2380"}, 2,
			[]string{"may not be the same for every member"}},
		{"everything wrong at once", []string{"--to-revision", "x", "--initial-cluster", "m1", "--initial-advertise-peer-urls", "here", "-o", "xml", "--log-level", "loud"}, 2,
			[]string{"5 settings", "--to-revision", "--initial-cluster", "--initial-advertise-peer-urls", "--output", "log.level"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			got := command(t, append([]string{"restore", "--store", b.url(), "--data-dir", dir}, tc.args...)...)
			if got.code != tc.code || got.stdout != "" {
				t.Errorf("exit %d, want %d: %s%s", got.code, tc.code, got.stdout, got.stderr)
			}
			for _, want := range tc.says {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("%q is missing in\n%s", want, got.stderr)
				}
			}
			if n := strings.Count(got.stderr, "revkeeper:"); n != 1 {
				t.Errorf("the error is printed %d times:\n%s", n, got.stderr)
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("something was left in the data directory: %v", err)
			}
		})
	}
}

func TestDamagedObjectIsNamed(t *testing.T) {
	b := newBucket(t)
	epoch := b.begin(1, "first", 0)
	b.full(epoch, 0, 10, true)
	b.delta(epoch, 11, 20, "key")
	deltas, err := filepath.Glob(filepath.Join(b.dir, "timelines/00000001/delta/*"))
	if err != nil || len(deltas) != 1 {
		t.Fatal(deltas, err)
	}
	content, err := os.ReadFile(deltas[0])
	if err != nil {
		t.Fatal(err)
	}
	content[20] ^= 1
	if err := os.WriteFile(deltas[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	got := command(t, "restore", "--store", b.url(), "--to-revision", "15", "--data-dir", filepath.Join(t.TempDir(), "data"))
	if got.code != 5 || !strings.Contains(got.stderr, filepath.Base(deltas[0])) || !strings.Contains(got.stderr, "1–10") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	_, said, _ := strings.Cut(got.stderr, "revkeeper: ")
	if n, m := strings.Count(said, filepath.Base(deltas[0])), strings.Count(said, "what to do:"); n != 1 || m != 1 {
		t.Errorf("the key is named %d times, %d remedies:\n%s", n, m, got.stderr)
	}
}
