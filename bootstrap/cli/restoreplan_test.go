package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	rule "github.com/revkeeper/revkeeper/domain/restore"
)

const threeMembers = "m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380,m3=http://10.0.0.3:2380,m3=http://[fd00::3]:2380"

// planned makes a plan of b's revision 23 and returns its file.
func planned(t *testing.T, b *bucket, more ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.json")
	got := command(t, append([]string{"restore", "plan", file, "--store", b.url(), "--to-revision", "23", "--initial-cluster", threeMembers}, more...)...)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	return file
}

func TestAPlanSaysEverythingThatMustNotDiffer(t *testing.T) {
	b := eventful(t)
	file := filepath.Join(t.TempDir(), "plan.json")
	args := []string{"--store", b.url(), "--to-revision", "23", "--initial-cluster", threeMembers, "--initial-cluster-token", "prod-2"}
	got := command(t, append([]string{"restore", "plan", file}, args...)...)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	golden(t, "plan.txt", got.stdout, file, "/PLAN.json")
	written, err := os.ReadFile(file)
	b.must(err)
	hidden := regexp.MustCompile(`"(madeAt|digest)": "[^"]*"`)
	golden(t, "plan.json", hidden.ReplaceAllString(string(written), `"$1": "…"`))

	printed := command(t, append([]string{"restore", "plan", "-"}, args...)...)
	if hidden.ReplaceAllString(printed.stdout, "") != hidden.ReplaceAllString(string(written), "") {
		t.Errorf("printed\n%s\nwritten\n%s", printed.stdout, written)
	}
	if again := command(t, append([]string{"restore", "plan", file}, args...)...); again.code != 4 || !strings.Contains(again.stderr, "there is such a file") {
		t.Errorf("over an existing file: exit %d: %s", again.code, again.stderr)
	}
}

func TestAFreshTokenByDefault(t *testing.T) {
	b := eventful(t)
	tokens := map[string]bool{}
	for range 2 {
		text, err := os.ReadFile(planned(t, b))
		b.must(err)
		f, err := rule.ParsePlan(text)
		b.must(err)
		tokens[f.Token] = true
	}
	if len(tokens) != 2 {
		t.Errorf("tokens %v", tokens)
	}
}

// A plan is carried out as it was made, though the store has a shorter path by
// now, and later revisions.
func TestAMemberChoosesNothing(t *testing.T) {
	b := eventful(t)
	file := planned(t, b)
	b.full(1, 0, 20, true)
	b.delta(2, 66, 70, "key")
	ids := map[string]bool{}
	for _, name := range []string{"m1", "m2", "m3"} {
		got := command(t, "restore", "apply", file, "--name", name, "--store", b.url(), "--data-dir", filepath.Join(t.TempDir(), "data"), "-o", "json")
		if got.code != 0 {
			t.Fatalf("exit %d: %s", got.code, got.stderr)
		}
		var r render.ResultDocument
		b.must(json.Unmarshal([]byte(got.stdout), &r))
		if r.Revision != 23 || r.BumpRevision != 1_000_000_065 || len(r.Deltas) != 2 || !strings.Contains(r.Full, "00000000000000000010-") {
			t.Errorf("%s: %+v", name, r)
		}
		ids[r.ClusterID] = true
		ids[r.MemberID] = true
	}
	if len(ids) != 4 { // one cluster, three members
		t.Errorf("ids %v", ids)
	}
}

func TestApplyRefusals(t *testing.T) {
	b := eventful(t)
	file := planned(t, b)
	text, err := os.ReadFile(file)
	b.must(err)
	edited := filepath.Join(t.TempDir(), "edited.json")
	b.must(os.WriteFile(edited, []byte(strings.Replace(string(text), `"revision": 23`, `"revision": 22`, 1)), 0o600))
	short, empty := filepath.Join(t.TempDir(), "short.json"), filepath.Join(t.TempDir(), "empty.json")
	b.must(os.WriteFile(short, text[:len(text)/2], 0o600))
	b.must(os.WriteFile(empty, nil, 0o600))
	gone := eventful(t)
	deltas, err := filepath.Glob(filepath.Join(gone.dir, "timelines/00000001/delta/*"))
	b.must(err)
	b.must(os.Remove(deltas[0]))
	damaged := newBucket(t)
	b.must(os.CopyFS(damaged.dir, os.DirFS(b.dir)))
	victims, err := filepath.Glob(filepath.Join(damaged.dir, "timelines/00000001/delta/*25-*"))
	b.must(err)
	content, err := os.ReadFile(victims[0])
	b.must(err)
	content[20] ^= 1
	b.must(os.WriteFile(victims[0], content, 0o600))
	full := filepath.Join(t.TempDir(), "full")
	b.must(os.MkdirAll(filepath.Join(full, "member"), 0o700))
	for _, tc := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"no file", nil, 2, []string{"one file is wanted, 0 are named"}},
		{"a file that is not there", []string{"nowhere.json"}, 3, []string{"read plan nowhere.json: no such file\n", "what to do: name the file that `revkeeper restore plan` wrote"}},
		{"a plan that was cut short", []string{short}, 5, []string{"read plan " + short + ": it is no whole JSON", "what to do: give every member the file as"}},
		{"an empty plan", []string{empty}, 5, []string{"read plan " + empty + ": it is no whole JSON", "what to do: give every member the file as"}},
		{"a plan that was edited", []string{edited}, 5, []string{"read plan " + edited + ": it was changed after it was made", "what to do: give every member the file as"}},
		{"no plan", []string{filepath.Join(b.dir, "format.json")}, 2, []string{"format.json: it is not a plan", "what to do: name the file that it wrote"}},
		{"a member that it does not name", []string{file, "--name", "m4"}, 2, []string{"m4", "names m1, m2, m3"}},
		{"nobody in particular", []string{file, "--name", "default"}, 2, []string{"default", "names m1, m2, m3"}},
		{"a store that has other objects", []string{file, "--store", gone.url()}, 3, []string{"timelines/00000001/full/", "make another plan"}},
		{"a store that has nothing", []string{file, "--store", newBucket(t).url()}, 3, []string{"timeline 1", "make another plan"}},
		{"a damaged delta is not gone around", []string{file, "--store", damaged.url()}, 5, []string{filepath.Base(victims[0]), "make another plan"}},
		{"a directory with data", []string{file, "--data-dir", full}, 4, []string{"not empty"}},
		{"a target of its own", []string{file, "--to-revision", "20"}, 2, []string{"unknown flag"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			got := command(t, append([]string{"restore", "apply", "--store", b.url(), "--name", "m1", "--data-dir", dir}, tc.args...)...)
			if got.code != tc.code || got.stdout != "" {
				t.Errorf("exit %d, want %d: %s%s", got.code, tc.code, got.stdout, got.stderr)
			}
			for _, want := range tc.says {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("%q is missing in\n%s", want, got.stderr)
				}
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("something was left in the data directory: %v", err)
			}
		})
	}
}

func TestPlanRefusals(t *testing.T) {
	b := eventful(t)
	for _, tc := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"everything wrong at once", []string{"--to-revision", "x", "--initial-cluster", "m1"}, 2, []string{"2 settings", "--to-revision", "--initial-cluster"}},
		{"no members", []string{"--to-revision", "23"}, 2, []string{"--initial-cluster", "is needed"}},
		{"two members in one place", []string{"--to-revision", "23", "--initial-cluster", "m1=http://a:2380,m2=http://a:2380"}, 2, []string{"identify member m2", "for m1 already"}},
		{"no target", []string{"--initial-cluster", threeMembers}, 2, []string{"exactly one is needed"}},
		{"an exact copy that clients could meet", []string{"--to-revision", "23", "--initial-cluster", threeMembers, "--keep-revisions"}, 4, []string{"--force"}},
		{"a target outside the windows", []string{"--to-revision", "40", "--timeline", "1", "--initial-cluster", threeMembers}, 3, []string{"restorable: 1–30, 45–50"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "plan.json")
			got := command(t, append([]string{"restore", "plan", file, "--store", b.url()}, tc.args...)...)
			if got.code != tc.code || got.stdout != "" {
				t.Errorf("exit %d, want %d: %s%s", got.code, tc.code, got.stdout, got.stderr)
			}
			for _, want := range tc.says {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("%q is missing in\n%s", want, got.stderr)
				}
			}
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Errorf("a plan was written: %v", err)
			}
		})
	}
}
