package cli_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/application/verify"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/timeline"
	rule "github.com/revkeeper/revkeeper/domain/verify"
)

// withoutTimes takes out of a report what differs from run to run.
func withoutTimes(text string) string {
	text = regexp.MustCompile(`in [0-9.]+m?s`).ReplaceAllString(text, "in TIME")
	return regexp.MustCompile(`objects?, [0-9.]+ K?i?B`).ReplaceAllString(text, "objects, SIZE")
}

func TestVerify(t *testing.T) {
	sound, odd := chained(t), eventful(t)
	for _, tc := range []struct {
		golden string
		bucket *bucket
		args   []string
		code   int
		says   string // on stderr
	}{
		{"verify.txt", sound, nil, 0, ""},
		{"verify-past.txt", sound, []string{"--to-revision", "25"}, 0, ""},
		{"verify-history.txt", sound, []string{"--level", "history"}, 0, ""},
		{"verify-objects.txt", sound, []string{"--level", "objects"}, 0, ""},
		{"verify-structure.txt", sound, []string{"--level", "structure"}, 0, ""},
		{"verify-disputed.txt", odd, nil, 6, "two deltas disagree about revisions 26–30; there are 2 findings more"},
		{"verify-one-timeline.txt", odd, []string{"--timeline", "2"}, 3, "61–65"},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := command(t, append([]string{"verify", "--store", tc.bucket.url(), "--spool-dir", tc.bucket.spool}, tc.args...)...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.says) {
				t.Errorf("exit %d: %s", got.code, got.stderr)
			}
			golden(t, tc.golden, withoutTimes(got.stdout))
		})
	}
}

// Any damage of any object is found, by its name, and what can still be restored
// by another path is.
func TestVerifyFindsDamage(t *testing.T) {
	for _, tc := range []struct {
		pattern  string
		restores bool // there is another path
	}{
		{"timelines/00000001/delta/*", false},
		{"timelines/00000001/full/*.db*", false},
	} {
		t.Run(tc.pattern, func(t *testing.T) {
			b := chained(t)
			paths, err := filepath.Glob(filepath.Join(b.dir, tc.pattern))
			if err != nil || len(paths) == 0 {
				t.Fatal(paths, err)
			}
			body, err := os.ReadFile(paths[0])
			b.must(err)
			body[len(body)/2] ^= 1
			b.must(os.Chmod(paths[0], 0o600))
			b.must(os.WriteFile(paths[0], body, 0o600))
			got := command(t, "verify", "--store", b.url(), "--spool-dir", b.spool, "-o", "json")
			var doc render.VerificationDocument
			if err := json.Unmarshal([]byte(got.stdout), &doc); err != nil || got.code != 5 {
				t.Fatalf("exit %d, %v: %s%s", got.code, err, got.stdout, got.stderr)
			}
			if doc.Sound || doc.Restored != nil || len(doc.Findings) != 2 || !strings.HasSuffix(paths[0], filepath.FromSlash(doc.Findings[0].Object)) {
				t.Errorf("%+v", doc)
			}
			if left, err := filepath.Glob(filepath.Join(b.spool, "*", "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	b := newBucket(t)
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 3, "the bucket holds no backup"},
		{[]string{"--level", "deep"}, 2, "is no level"},
		{[]string{"--level", "objects", "--to-revision", "5"}, 2, "means nothing at this level"},
		{[]string{"--to-revision", "five"}, 2, "is not a revision"},
		{[]string{"--timeline", "-1"}, 2, "is negative"},
	} {
		got := command(t, append([]string{"verify", "--store", b.url(), "--spool-dir", b.spool}, tc.args...)...)
		if got.code != tc.code || !strings.Contains(got.stderr, tc.says) || got.stdout != "" {
			t.Errorf("%q: exit %d: %s%s", tc.args, got.code, got.stdout, got.stderr)
		}
	}
}

// growing is an archive into which a sidecar stores after the first look.
type growing struct {
	*revkeeper.Archive
	store func()
}

func (g *growing) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	c, err := g.Archive.Catalogue(ctx)
	if g.store != nil {
		g.store()
		g.store = nil
	}
	return c, err
}

func TestVerifySaysThatTheStoreGrew(t *testing.T) {
	b := chained(t)
	for _, grows := range []bool{false, true} {
		a := &growing{Archive: revkeeper.New(b.store)}
		if grows {
			a.store = func() { b.delta(1, 61, 70, "key") }
		}
		v := verify.New(a, revkeeper.NewKeeper(b.store, func() {}), datadir.NewBuilder(b.spool), eventlog.Logger(slog.New(slog.DiscardHandler)))
		report, err := v.Run(t.Context(), verify.Request{Level: rule.Restore, Target: chain.Latest}, func(int, int, int64) {})
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(report.Notes, func(n rule.Note) bool {
			return n.Timeline == 1 && strings.HasPrefix(n.Detail, "revision 70, which was restored, was stored while this was checked")
		})
		if said != grows {
			t.Errorf("grows %v: windows %v, restored %+v, notes %v", grows, report.Windows, report.Restored, report.Notes)
		}
	}
}
