package cli_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/tests/stored"
)

// aged is a store with three fulls 10 – 20 – 30 and deltas up to 35, of days ago.
type aged struct {
	*testing.T
	dir    string
	store  *local.Store
	bucket *stored.Bucket
	fulls  []snapshot.Ref
}

func newAged(t *testing.T) *aged {
	t.Helper()
	a := &aged{T: t, dir: filepath.Join(t.TempDir(), "store")}
	var err error
	if a.store, err = local.New(a.dir); err != nil {
		t.Fatal(err)
	}
	a.bucket = stored.New(t, a.store)
	epoch := a.bucket.Begin(2, hoursAgo(72))
	a.fulls = append(a.fulls, a.bucket.Full(epoch, 0, 10, hoursAgo(72), false))
	a.bucket.Delta(epoch, 11, 20, hoursAgo(60))
	a.fulls = append(a.fulls, a.bucket.Full(epoch, 0, 20, hoursAgo(48), false))
	a.bucket.Delta(epoch, 21, 30, hoursAgo(40))
	a.fulls = append(a.fulls, a.bucket.Full(epoch, 0, 30, hoursAgo(36), true))
	a.bucket.Delta(epoch, 31, 35, hoursAgo(1))
	return a
}

func hoursAgo(n int) time.Time { return time.Now().Add(-time.Duration(n) * time.Hour) }

func (a *aged) run(args ...string) outcome {
	a.Helper()
	return command(a.T, append(args, "--store", "file://"+a.dir)...)
}

// newestOnly is a rule that keeps one full.
var newestOnly = []string{"--retention-policy", "limit", "--retention-limit", "1", "--retention-every", "0s"}

func (a *aged) gc(args ...string) outcome {
	a.Helper()
	return a.run(append(append([]string{"gc"}, newestOnly...), args...)...)
}

func (a *aged) keys() string {
	a.Helper()
	var keys []string
	for o, err := range a.store.List(a.Context(), "", "") {
		if err != nil {
			a.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return strings.Join(keys, "\n")
}

func TestGCDoesWhatItsDryRunSaid(t *testing.T) {
	a := newAged(t)
	before := a.keys()
	dry := a.gc("--dry-run")
	if dry.code != 0 || dry.stderr != "" || a.keys() != before {
		t.Fatalf("exit %d: %s", dry.code, dry.stderr)
	}
	golden(t, "gc-dry-run.txt", withoutSizes(dry.stdout))
	var said openapi.RetentionRun
	if got := a.gc("--dry-run", "-o", "json", "--all"); got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	} else {
		d := json.NewDecoder(strings.NewReader(got.stdout))
		d.DisallowUnknownFields()
		if err := d.Decode(&said); err != nil {
			t.Fatal(err)
		}
	}
	done := a.gc("--yes")
	if done.code != 0 || done.stderr != "" {
		t.Fatalf("exit %d: %s", done.code, done.stderr)
	}
	golden(t, "gc.txt", withoutSizes(done.stdout))
	after := a.keys()
	for _, d := range said.Decisions {
		if d.Reason == "" || strings.Contains(after, d.Key) == d.Delete {
			t.Errorf("the dry run said %+v", d)
		}
	}
	if again := a.gc("--yes"); again.code != 0 || !strings.HasPrefix(again.stdout, "0 objects (0 B) deleted") {
		t.Errorf("exit %d: %s%s", again.code, again.stdout, again.stderr)
	}
	if got := a.run("restore", "--to-revision", "33", "--data-dir", t.TempDir()+"/d"); got.code != 0 {
		t.Errorf("what stays cannot be restored: %s", got.stderr)
	}
}

var (
	spaces = regexp.MustCompile(` +`)
	sizes  = regexp.MustCompile(`[0-9.]+ ([KM]i)?B\b`)
)

// withoutSizes leaves out what depends on the compressor.
func withoutSizes(text string) string {
	text = spaces.ReplaceAllString(text, " ")
	return sizes.ReplaceAllString(text, "SIZE")
}

func TestGCOfEachObject(t *testing.T) {
	a := newAged(t)
	got := a.gc("--dry-run", "--all")
	for _, line := range []string{"delete " + a.fulls[0].Key(), "keep " + a.fulls[2].Key(), "delete " + a.fulls[1].Manifest().Key()} {
		if !strings.Contains(withoutSizes(got.stdout), line) {
			t.Errorf("lacks %q:\n%s", line, got.stdout)
		}
	}
}

func TestGCRefusals(t *testing.T) {
	a := newAged(t)
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"neither of both", nil, 2, "look with --dry-run first"},
		{"both", []string{"--dry-run", "--yes"}, 2, "give one of the two"},
		{"no policy", []string{"--dry-run", "--retention-policy", "forever"}, 2, "is no policy"},
		{"windows that are none", []string{"--dry-run", "--retention-policy", "keep", "--retention-keep", "dayly: 3d"}, 2, "dayly"},
		{"a form that is none", []string{"--dry-run", "-o", "xml"}, 2, "table or json"},
		{"a backup that is stale", []string{"--yes", "--retention-stale", "10m"}, 7, "nothing was deleted: the newest object is of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := a.keys()
			got := a.gc(tc.args...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.says) || a.keys() != before {
				t.Errorf("exit %d: %s%s\nwant %d and %q", got.code, got.stdout, got.stderr, tc.code, tc.says)
			}
		})
	}
	if got := a.run("gc", "--yes", "--retention-policy", "none"); got.code != 0 || !strings.Contains(got.stdout, "the policy is none") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// A note is of whoever may write to the bucket, and not for the reader's terminal.
func TestANoteDoesNotActOnTheTerminal(t *testing.T) {
	a := newAged(t)
	if got := a.run("pin", "20", "--note", "before\x1b[2Jthe upgrade"); got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	for _, more := range [][]string{{"--dry-run"}, {"--dry-run", "--all"}} {
		got := a.gc(more...)
		if got.code != 0 || !strings.Contains(got.stdout, "before·[2Jthe upgrade") || strings.Contains(got.stdout, "\x1b") {
			t.Errorf("exit %d: %q%s", got.code, got.stdout, got.stderr)
		}
	}
}

func TestAPinnedRevisionStays(t *testing.T) {
	a := newAged(t)
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"pin", "15", "--note", "before the upgrade"}, 0, "revision 15 of timeline 1 is pinned: timelines/00000001/pin/"},
		{[]string{"pin", "latest"}, 0, "revision 35 of timeline 1 is pinned"},
		{[]string{"pin", "15"}, 0, "revision 15 of timeline 1 is pinned already: timelines/00000001/pin/"},
		{[]string{"pin", "15", "--note", "another"}, 0, "its note stays as it is: unpin it first"},
		{[]string{"pin", "99"}, 3, "restorable: 1–35"},
		{[]string{"pin", "soon"}, 2, "REVISION"},
		{[]string{"pin"}, 2, "give one: a revision"},
		{[]string{"pin", "15", "--timeline", "7"}, 3, "no such timeline"},
		{[]string{"unpin", "14"}, 3, "no such revision is pinned"},
		{[]string{"unpin", "x"}, 2, "REVISION"},
		{[]string{"list"}, 0, "pinned      15 since"},
	} {
		if got := a.run(tc.args...); got.code != tc.code || !strings.Contains(got.stdout+got.stderr, tc.says) {
			t.Errorf("%v: exit %d: %s%s\nwant %d and %q", tc.args, got.code, got.stdout, got.stderr, tc.code, tc.says)
		}
	}
	if n := strings.Count(a.keys(), "/pin/"); n != 2 {
		t.Errorf("%d pins of 2 revisions", n)
	}
	if got := a.gc("--yes"); got.code != 0 || !strings.Contains(a.keys(), a.fulls[0].Key()) ||
		!strings.Contains(withoutSizes(got.stdout), "keep 1 pin 1 15 - it is a pin, which only `revkeeper unpin` takes back: before the upgrade\nkeep 1 pin 1 35 - it is a pin, which only `revkeeper unpin` takes back\n") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := a.run("restore", "--to-revision", "15", "--data-dir", t.TempDir()+"/d"); got.code != 0 {
		t.Errorf("what is pinned cannot be restored: %s", got.stderr)
	}
	if got := a.run("unpin", "15"); got.code != 0 {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if got := a.gc("--yes"); got.code != 0 || strings.Contains(a.keys(), a.fulls[0].Key()) {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestTimelinesAreAcknowledgedAndRetired(t *testing.T) {
	a := newAged(t)
	second := a.bucket.Begin(20, hoursAgo(30)) // below what the first had reached
	a.bucket.Full(second, 0, 25, hoursAgo(30), true)
	a.bucket.Delta(second, 26, 27, hoursAgo(1))
	if got := a.gc("--yes"); got.code != 7 || !strings.Contains(got.stderr, "acknowledge timeline 2") {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"timeline", "ack", "2", "--note", "restored on Monday"}, 0, "timeline 2 is acknowledged"},
		{[]string{"timeline", "ack", "2"}, 0, "timeline 2 is acknowledged"},
		{[]string{"timeline", "ack", "9"}, 3, "no such timeline"},
		{[]string{"timeline", "ack", "two"}, 2, "TIMELINE"},
		{[]string{"timeline", "retire", "2"}, 4, "it is the newest"},
		{[]string{"pin", "15", "--timeline", "1"}, 0, "pinned"},
		{[]string{"pin", "16", "--timeline", "1"}, 0, "pinned"},
		{[]string{"timeline", "retire", "1"}, 4, "pinned in it: 15, 16\n"},
		{[]string{"unpin", "16"}, 0, ""},
		{[]string{"unpin", "15"}, 0, ""},
		{[]string{"timeline", "retire", "1", "--note", strings.Repeat("x", 1001)}, 2, "--note"},
		{[]string{"timeline", "retire", "1"}, 0, "timeline 1 is retired"},
		{[]string{"pin", "15", "--timeline", "1"}, 4, "it is retired"},
	} {
		if got := a.run(tc.args...); got.code != tc.code || !strings.Contains(got.stdout+got.stderr, tc.says) {
			t.Errorf("%v: exit %d: %s%s\nwant %d and %q", tc.args, got.code, got.stdout, got.stderr, tc.code, tc.says)
		}
	}
	if got := a.gc("--yes"); got.code != 0 || strings.Contains(a.keys(), "timelines/00000001/") {
		t.Errorf("exit %d: %s%s\n%s", got.code, got.stdout, got.stderr, a.keys())
	}
}
