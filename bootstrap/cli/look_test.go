package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/tests/stored"
)

// looked is a bucket whose history writes four keys in turn: revision r puts key
// r mod 4. Its fulls hold 1–10 and 31–40, its deltas 11–25 and 31–60, so 26–30 were
// never stored.
func looked(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{T: t, dir: filepath.Join(t.TempDir(), "store"), spool: t.TempDir()}
	store, err := local.New(b.dir)
	b.must(err)
	s, at := stored.New(t, store), time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	s.Keys = 4
	epoch := s.Begin(1, at)
	s.Full(epoch, 0, 10, at, true)
	s.Delta(epoch, 11, 20, at.Add(10*time.Minute))
	s.Delta(epoch, 21, 25, at.Add(20*time.Minute))
	s.Delta(epoch, 31, 50, at.Add(30*time.Minute))
	s.Full(epoch, 30, 40, at.Add(40*time.Minute), true)
	s.Delta(epoch, 51, 60, at.Add(50*time.Minute))
	return b
}

// look runs a command on the bucket, and makes sure that it leaves nothing behind.
func (b *bucket) look(args ...string) outcome {
	b.Helper()
	o := command(b.T, append(args, "--store", b.url(), "--spool-dir", b.spool)...)
	if left, err := filepath.Glob(filepath.Join(b.spool, "*")); err != nil || len(left) > 0 {
		b.Errorf("%q left behind %q, %v", args, left, err)
	}
	return o
}

func TestLook(t *testing.T) {
	b := looked(t)
	for _, tc := range []struct {
		golden string
		args   string
		code   int
		says   string // on stderr
	}{
		{"inspect.txt", "inspect", 0, ""},
		{"inspect-past.txt", "inspect --at 20 --prefix key00 --depth 0 --by history", 0, ""},
		{"inspect.json", "inspect --at 2026-11-03T10:20:00Z --limit 0 -o json", 0, ""},
		{"get.txt", "get key001 --at 20", 0, ""},
		{"get.json", "get key001 --at latest -o json", 0, ""},
		{"get-raw.txt", "get key001 --at 20 -o raw", 0, ""},
		{"get-prefix.txt", "get key --prefix --at 40", 0, ""},
		{"get-prefix-first.txt", "get key00 --prefix --at 10 --limit 2 --keys-only --skip-proof", 0, ""},
		{"get-prefix.json", "get key00 --prefix --at 10 --limit 2 -o json", 0, ""},
		{"history.txt", "history key001", 0, ""},
		{"history-between.txt", "history key001 --from 12 --to 25 --values", 0, ""},
		{"history.json", "history key001 --limit 1 --values -o json", 0, ""},
		{"diff.txt", "diff 12 14", 0, ""},
		{"diff-over-a-gap.txt", "diff 9 60 --limit 3", 0, ""},
		{"diff.json", "diff 2026-11-03T10:10:00Z 22 -o json", 0, ""},
		{"diff-nothing.txt", "diff 12 14 --exit-code --prefix other", 0, ""},
		{"diff-exit-code.txt", "diff 12 14 --exit-code", 1, ""},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := b.look(strings.Fields(tc.args)...)
			if got.code != tc.code || got.stderr != tc.says {
				t.Errorf("exit %d: %s", got.code, got.stderr)
			}
			golden(t, tc.golden, got.stdout)
		})
	}
}

// TestExtract writes a file, whole and once.
func TestExtract(t *testing.T) {
	b := looked(t)
	to := filepath.Join(t.TempDir(), "keys.jsonl")
	got := b.look("extract", "--prefix", "key00", "--at", "20", "--to", to)
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	golden(t, "extract.txt", got.stdout, to, "FILE")
	text, err := os.ReadFile(to)
	b.must(err)
	golden(t, "extract.jsonl", string(text))
	if got := b.look("extract", "--prefix", "key001", "--at", "20", "--to", to); got.code != 4 {
		t.Errorf("a file that is there: exit %d: %s", got.code, got.stderr)
	}
	for args, code := range map[string]int{"--at 28 --to " + to + "2": 3, "--at 20 --to /nowhere/at/all": 2} {
		if got := b.look(append(strings.Fields("extract --prefix key"), strings.Fields(args)...)...); got.code != code {
			t.Errorf("%s: exit %d: %s", args, got.code, got.stderr)
		}
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(to), "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestLookRefuses(t *testing.T) {
	b := looked(t)
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"inspect --depth -1 --by size --at soon --limit -1": {2, "4 settings to mend"},
		"inspect --at 28":                                      {3, "no object holds 26–28"},
		"inspect --at 2999-01-01T00:00:00Z":                    {2, "lies in the future"},
		"inspect --at 1999-01-01T00:00:00Z":                    {3, "began at"},
		"inspect --timeline 7":                                 {3, "there is no such timeline"},
		"inspect --timeline -7":                                {2, "is negative"},
		"get":                                                  {2, "give one: KEY"},
		"get a b":                                              {2, "give one: KEY"},
		"get nothing --at 20":                                  {3, "there is no such key"},
		"get key --prefix -o raw":                              {2, "is for one value"},
		"get key -o yaml":                                      {2, "table, json or raw"},
		"get key001 --keys-only":                               {2, "--keys-only: is about the list that --prefix gives"},
		"history nothing":                                      {3, "holds no version of it"},
		"history key001 --from 30 --to 20":                     {2, "comes after the last"},
		"history key001 --from latest":                         {2, "leaves nothing"},
		"history key001 --from 2026-11-03T10:10:0Z":            {2, "neither a revision nor a moment"},
		"extract --to x":                                       {2, "--prefix: is required"},
		"extract --prefix x":                                   {2, "exactly one is needed"},
		"extract --prefix x --to y --apply --yes":              {2, "exactly one is needed"},
		"extract --prefix x --apply --yes":                     {2, "etcd.endpoint"},
		"extract --prefix x --to y --overwrite":                {2, "--apply: is missing, and --overwrite is about keys that are put back"},
		"extract --prefix x --apply --yes --force":             {2, "--force: goes beyond --overwrite, which is missing"},
		"extract --prefix x --apply --dry-run --planned-at -1": {2, "--planned-at=\"-1\": is negative"},
		"extract --from f --apply --dry-run --endpoint http://127.0.0.1:1 --prefix x --at 20": {2, "2 settings to mend"},
		"extract --from f --apply --dry-run --endpoint http://127.0.0.1:1 --exact":            {2, "--exact=\"true\": is about what is taken out of the store"},
		"extract --from f": {2, "--apply: is missing, and --from is about keys that are put back"},
		"extract --from f --to g --apply --yes --endpoint http://127.0.0.1:1": {2, "--to=\"g\": writes a file, and --from reads one"},
		"extract --from f --apply": {2, "--yes: is required"},
		"extract --from testdata --apply --yes --endpoint http://127.0.0.1:1":                                            {2, "it is a folder\n  what to do: "},
		"extract --from /dev/null --apply --yes --endpoint http://127.0.0.1:1":                                           {2, "cannot be read twice\n  what to do: "},
		"extract --from f --apply --yes":                                                                                 {2, "etcd.endpoint"},
		"extract --from nowhere --apply --yes --endpoint http://127.0.0.1:1":                                             {3, "nowhere"},
		"extract --from look_test.go --apply --yes --endpoint http://127.0.0.1:1":                                        {2, "look_test.go: read keys: it is no file of"},
		"extract --from testdata/extract.jsonl --apply --yes --endpoint http://127.0.0.1:1":                              {7, "127.0.0.1:1"},
		"extract --prefix x --apply":                                                                                     {2, "--yes: is required"},
		"extract --prefix x --apply --yes --force --planned-at -1 --default-lease-ttl 1ms --endpoint http://127.0.0.1:1": {2, "3 settings to mend"},
		"extract --prefix x --apply --yes --endpoint http://127.0.0.1:1":                                                 {7, "127.0.0.1:1"},
		"diff 20":    {2, "give two: A and B"},
		"diff 20 10": {2, "give the earlier point first"},
		"diff 10 28": {3, "no object holds 26–28"},
		"diff 0 28":  {2, "neither a revision nor a moment"},
	} {
		got := b.look(strings.Fields(args)...)
		if got.code != want.code || !strings.Contains(got.stderr, want.says) || got.stdout != "" {
			t.Errorf("%s: exit %d: %s%s", args, got.code, got.stdout, got.stderr)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe") // nobody writes into it: it would be waited for
	b.must(syscall.Mkfifo(pipe, 0o600))
	if got := command(t, "extract", "--from", pipe, "--apply", "--yes", "--endpoint", "http://127.0.0.1:1"); got.code != 2 || !strings.Contains(got.stderr, "cannot be read twice\n  what to do: ") {
		t.Errorf("a pipe: exit %d: %s", got.code, got.stderr)
	}
	if got := b.look("get", "", "--at", "20"); got.code != 2 || !strings.Contains(got.stderr, "is empty") {
		t.Errorf("%+v", got)
	}
}

// The log names a damaged object once in what it says of it.
func TestADamagedObjectIsNamedOnce(t *testing.T) {
	for pattern, op := range map[string]string{"full/*40-*.db*": "read full", "delta/*50-*": "read delta"} {
		b := looked(t)
		b.damage("timelines/00000001/" + pattern)
		got := b.look("get", "key001", "--at", "50")
		line, _, _ := strings.Cut(got.stderr, "\n")
		var entry struct{ Event, Error string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Event != "request_failed" {
			t.Fatalf("%s: exit %d, %v: %s", pattern, got.code, err, got.stderr)
		}
		if !strings.HasPrefix(entry.Error, op+" timelines/00000001/") || strings.Count(entry.Error, "timelines/00000001/") != 1 {
			t.Errorf("%s: %s", pattern, entry.Error)
		}
	}
}

// A damaged object is gone around where another holds the same, and named.
func TestLookAroundDamage(t *testing.T) {
	b := looked(t)
	for _, pattern := range []string{"timelines/00000001/delta/*50-*", "timelines/00000001/full/*10-*.db*"} {
		b.damage(pattern)
	}
	var story render.StoryDocument
	got := b.look("history", "key001", "--from", "5", "--to", "60", "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &story); err != nil || got.code != 0 {
		t.Fatalf("exit %d, %v: %s", got.code, err, got.stderr)
	}
	// 31–40 are in the full too. Of 5–10 and 26–30 it has what survived.
	if len(story.Excluded) != 2 || len(story.Missing) != 3 || story.Missing[2].First != 41 || story.Missing[2].Last != 50 {
		t.Errorf("%+v", story)
	}
	var revisions []int64
	for _, v := range story.Versions {
		revisions = append(revisions, v.Revision)
	}
	if want := []int64{13, 17, 21, 25, 29, 33, 37, 53, 57}; !equal(revisions, want) {
		t.Errorf("versions of revisions %v, want %v", revisions, want)
	}
	if got := b.look("diff", "42", "45"); got.code != 5 || !strings.Contains(got.stderr, "delta/") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

func equal(a, b []int64) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// damage changes a byte in the middle of the one object that a pattern names.
func (b *bucket) damage(pattern string) {
	b.Helper()
	paths, err := filepath.Glob(filepath.Join(b.dir, pattern))
	if err != nil || len(paths) != 1 {
		b.Fatal(paths, err)
	}
	body, err := os.ReadFile(paths[0])
	b.must(err)
	body[len(body)/2] ^= 1
	b.must(os.Chmod(paths[0], 0o600))
	b.must(os.WriteFile(paths[0], body, 0o600))
}
