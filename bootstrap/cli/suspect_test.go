package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/domain/proof"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// doubted is a bucket whose first timeline failed a proof above revision 20, and
// whose second begins behind it.
func doubted(t *testing.T) *bucket {
	t.Helper()
	b := newBucket(t)
	one := b.begin(1, "it is the first in this store", 0)
	b.full(one, 0, 10, true)
	b.delta(one, 11, 20, "key")
	b.delta(one, 21, 30, "key")
	b.must(b.writer.StoreVerified(b.Context(), proof.Verified{Recorded: proof.Recorded{Hash: proof.Hash{Revision: 20}}, Timeline: one, VerifiedAt: b.tick()}))
	mark := snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: one, Last: 20, At: b.tick()}
	b.must(b.store.Create(b.Context(), mark.Key(), strings.NewReader("{}"), 2))
	two := b.begin(31, "what timeline 1 holds above revision 20 failed a proof", one)
	b.full(two, 30, 35, false)
	return b
}

func TestWhatIsSuspectIsShownAndNotRestored(t *testing.T) {
	b := doubted(t)
	got := command(t, "list", "--store", b.url())
	if got.code != 0 {
		t.Fatal(got.stderr)
	}
	golden(t, "list-suspect.txt", got.stdout, b.dir, "/STORE")
	for _, tc := range []struct {
		story string
		args  []string
		code  int
		says  string
	}{
		{"the newest is the next timeline's", []string{"--to-revision", "latest"}, 0, "restored revision 35 of timeline 2"},
		{"a good revision of the first", []string{"--to-revision", "20"}, 0, "restored revision 20 of timeline 1"},
		{"one that is not", []string{"--to-revision", "25"}, 6, "restore revision 20, the nearest that is good"},
		{"the newest of the first is its newest good one", []string{"--to-revision", "latest", "--timeline", "1"}, 0, "restored revision 20 of timeline 1"},
		{"one that is not, all the same", []string{"--to-revision", "25", "--allow-suspect"}, 0, "the revision is suspect"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			got := command(t, append([]string{"restore", "--store", b.url(), "--data-dir", filepath.Join(t.TempDir(), "data")}, tc.args...)...)
			if got.code != tc.code || !strings.Contains(got.stdout+got.stderr, tc.says) {
				t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
	snapshot := []string{"export", "--store", b.url(), "--spool-dir", b.spool, "--to-revision", "25", "--to", filepath.Join(t.TempDir(), "snapshot.db")}
	if got := command(t, snapshot...); got.code != 6 || !strings.Contains(got.stderr, "the nearest that is good") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := command(t, append(snapshot, "--allow-suspect", "--skip-proof")...); got.code != 0 || !strings.Contains(got.stdout, "the revision is suspect") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	plan := command(t, "restore", "--store", b.url(), "--to-revision", "25", "--allow-suspect", "--dry-run")
	if plan.code != 0 || !strings.Contains(plan.stdout, "failed a proof") {
		t.Errorf("exit %d: %s%s", plan.code, plan.stdout, plan.stderr)
	}
	if got := command(t, "verify", "--store", b.url(), "--spool-dir", b.spool, "--level", "structure"); got.code != 0 || !strings.Contains(got.stdout, "revisions 21–30 are suspect") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := command(t, "verify", "--store", b.url(), "--spool-dir", b.spool, "--level", "structure", "--timeline", "1"); got.code != 6 {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// What is suspect is looked at only by who says so, and then it is said.
func TestWhatIsSuspectIsNotLookedAt(t *testing.T) {
	b := doubted(t)
	for _, tc := range []struct{ args, anyway, says string }{
		{"get key25 --at 25", "--allow-suspect --skip-proof", "the revision is suspect"},
		{"inspect --at 25", "--allow-suspect --skip-proof", "the revision is suspect"},
		{"history key25 --timeline 1 --to 25", "--allow-suspect", "1 version"},
		{"diff 20 25", "--allow-suspect", "5 keys created"},
		{"diff 20 25", "--allow-suspect", "note  the revision is suspect"},
		{"diff 20 25 -o json", "--allow-suspect", "\"suspect\": true"},
		{"extract --prefix key25 --at 25 --to -", "--allow-suspect --skip-proof", "revkeeper extract"},
	} {
		if got := b.look(strings.Fields(tc.args)...); got.code != 6 || !strings.Contains(got.stderr, "--allow-suspect") || got.stdout != "" {
			t.Errorf("%s: exit %d: %s%s", tc.args, got.code, got.stdout, got.stderr)
		}
		if got := b.look(strings.Fields(tc.args + " " + tc.anyway)...); got.code != 0 || !strings.Contains(got.stdout, tc.says) {
			t.Errorf("%s %s: exit %d: %s%s", tc.args, tc.anyway, got.code, got.stdout, got.stderr)
		}
	}
}

// A plan that was made before its timeline was marked is carried out, and whoever
// does so is told.
func TestAPlanThatBecameSuspect(t *testing.T) {
	b := newBucket(t)
	one := b.begin(1, "it is the first in this store", 0)
	b.full(one, 0, 10, true)
	b.delta(one, 11, 30, "key")
	file := filepath.Join(t.TempDir(), "plan.json")
	apply := func() outcome {
		return command(t, "restore", "apply", file, "--store", b.url(), "--name", "m1", "--data-dir", filepath.Join(t.TempDir(), "data"))
	}
	if got := command(t, "restore", "plan", file, "--store", b.url(), "--to-revision", "25", "--initial-cluster", "m1=http://127.0.0.1:2380"); got.code != 0 {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := apply(); got.code != 0 || strings.Contains(got.stdout+got.stderr, "suspect") {
		t.Errorf("before: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	mark := snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: one, Last: 20, At: b.tick()}
	b.must(b.store.Create(b.Context(), mark.Key(), strings.NewReader("{}"), 2))
	if got := apply(); got.code != 0 || !strings.Contains(got.stdout, "the revision is suspect") || !strings.Contains(got.stdout, "not known when the plan was made") {
		t.Errorf("after: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// A plan of what is suspect needs consent, carries it to every member, and each
// is told before and after.
func TestAPlanOfWhatIsSuspect(t *testing.T) {
	b := doubted(t)
	b.must(b.writer.StoreProof(b.Context(), 1, proof.Recorded{Hash: proof.Hash{Revision: 25, HashKV: 1}, MemberID: "a1"}))
	file := filepath.Join(t.TempDir(), "plan.json")
	plan := []string{"restore", "plan", file, "--store", b.url(), "--to-revision", "25", "--initial-cluster", threeMembers}
	if got := command(t, plan...); got.code != 6 || !strings.Contains(got.stderr, "--allow-suspect") {
		t.Errorf("without consent: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := command(t, append(plan, "--allow-suspect")...); got.code != 0 || !strings.Contains(got.stdout, "  suspect ") {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	text, err := os.ReadFile(file)
	b.must(err)
	if f, err := rule.ParsePlan(text); err != nil || !f.Suspect {
		t.Errorf("%+v, %v", f, err)
	}
	apply := func(more ...string) outcome {
		return command(t, append([]string{"restore", "apply", file, "--store", b.url(), "--name", "m1", "--data-dir", filepath.Join(t.TempDir(), "data")}, more...)...)
	}
	const before = "warning: revision 25 of timeline 1 is suspect"
	if got := apply(); got.code != 6 || !strings.Contains(got.stderr, before) || !strings.Contains(got.stderr, "--skip-proof") || strings.Contains(got.stderr, "make another plan") {
		t.Errorf("with the proof: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	got := apply("--skip-proof", "-o", "json")
	var r render.ResultDocument
	if got.code != 0 || !strings.HasPrefix(got.stderr, before) {
		t.Fatalf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	b.must(json.Unmarshal([]byte(got.stdout), &r))
	if !r.Suspect || !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasSuffix(w, "was not what the cluster had") }) {
		t.Errorf("%+v", r)
	}
	if got := command(t, "restore", "plan", "-", "--store", b.url(), "--to-revision", "20", "--timeline", "1", "--allow-suspect", "--initial-cluster", threeMembers); got.code != 0 || strings.Contains(got.stdout, `"suspect"`) {
		t.Errorf("consent for what needs none: exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}
