//go:build acceptance

package housekeeping

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/stored"
)

const aDay = 24 * time.Hour

// year is a folder that a sidecar could have filled in a year: a full each day,
// and deltas every two hours.
type year struct {
	dir  string
	head int64
	week int64 // the first revision of the last seven days
}

func aYear(t *testing.T) year {
	t.Helper()
	y := year{dir: filepath.Join(t.TempDir(), "store"), head: 1}
	b := stored.New(t, openStore(t, y.dir))
	now := time.Now().UTC().Truncate(time.Millisecond)
	at := now.Add(-365 * aDay)
	epoch := b.Begin(2, at)
	for ; at.Before(now.Add(-time.Hour)); at = at.Add(2 * time.Hour) {
		if at.Sub(now)%aDay == 0 {
			b.Full(epoch, max(0, y.head-100), y.head, at, true)
		}
		if y.week == 0 && at.After(now.Add(-7*aDay)) {
			y.week = y.head + 1
		}
		b.Delta(epoch, y.head+1, y.head+5, at.Add(time.Minute))
		y.head += 5
	}
	return y
}

func history(t *testing.T, dir string) *timeline.History {
	t.Helper()
	c, err := revkeeper.New(openStore(t, dir)).Catalogue(t.Context())
	must(t, err)
	return &c.Timelines[0]
}

// gc runs the command and returns what it says.
func gc(t *testing.T, dir string, args ...string) openapi.RetentionRun {
	t.Helper()
	out, err := exec.Command(images.Binary(t, "revkeeper"), append([]string{"gc", "--store", "file://" + dir, "-o", "json"}, args...)...).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var run openapi.RetentionRun
	must(t, json.Unmarshal(out, &run))
	return run
}

// proven restores a revision into a database; a hash that was recorded at or below
// it is compared.
func proven(t *testing.T, dir string, revision int64) {
	t.Helper()
	r := restore.NewRebuilder(revkeeper.New(openStore(t, dir)), eventlog.Logger(slog.New(slog.DiscardHandler)))
	builder := datadir.NewBuilder(t.TempDir())
	err := r.Run(t.Context(), restore.Point{Target: revision},
		func(ctx context.Context) (ports.StagedDatabase, error) { return builder.Begin(ctx) },
		func(built restore.Rebuilt) error {
			if built.Proof == nil {
				t.Errorf("revision %d: nothing to compare with", revision)
			}
			return nil
		})
	if err != nil {
		t.Fatalf("revision %d: %v", revision, err)
	}
}

// keeps makes sure that what a dry run promised is there: every full that it kept,
// and every revision of the last week. Some are restored.
func (y year) keeps(t *testing.T, dir string, promised []int64, restores int, rng *rand.Rand) {
	t.Helper()
	cover := chain.Cover(history(t, dir))
	for _, rev := range promised {
		if !cover.Contains(rev) {
			t.Fatalf("revision %d was promised: %v", rev, cover.Windows)
		}
	}
	for rev := y.week; rev <= y.head; rev++ {
		if !cover.Contains(rev) {
			t.Fatalf("revision %d is of the last week: %v", rev, cover.Windows)
		}
	}
	for range restores {
		proven(t, dir, promised[rng.IntN(len(promised))])
		proven(t, dir, y.week+rng.Int64N(y.head-y.week+1))
	}
}

// promises are the last revisions of the fulls that a dry run keeps.
func promises(t *testing.T, dir string, dry openapi.RetentionRun) []int64 {
	t.Helper()
	goes := map[string]bool{}
	for _, d := range dry.Decisions {
		goes[d.Key] = d.Delete
	}
	var out []int64
	for _, f := range history(t, dir).Fulls {
		if !goes[f.Key()] {
			out = append(out, f.Last)
		}
	}
	return out
}

// TestAcceptanceAYear: a year of backups shrinks exactly as the dry run said, and
// every point that was to stay is restored.
func TestAcceptanceAYear(t *testing.T) {
	y := aYear(t)
	before := history(t, y.dir)
	dry := gc(t, y.dir, "--dry-run", "--all")
	promised := promises(t, y.dir, dry)
	run := gc(t, y.dir, "--yes")
	after := history(t, y.dir)
	t.Logf("%d fulls and %d deltas became %d and %d; %d objects were to go, %d went in %.1f s", len(before.Fulls), len(before.Deltas), len(after.Fulls), len(after.Deltas),
		dry.Summary.Deleted, run.Summary.Deleted, run.Summary.TookSeconds)
	if run.Summary.Deleted != dry.Summary.Deleted || run.Summary.DeletedBytes != dry.Summary.DeletedBytes || run.Summary.Left+run.Summary.Failed > 0 {
		t.Errorf("it did %+v, the dry run said %+v", run.Summary, dry.Summary)
	}
	if len(after.Fulls) != len(promised) || len(promised) < 20 || len(promised) > 60 {
		t.Errorf("%d fulls are left, %d were promised", len(after.Fulls), len(promised))
	}
	if again := gc(t, y.dir, "--dry-run"); again.Summary.Deleted > 0 {
		t.Errorf("a second run would delete %d more", again.Summary.Deleted)
	}
	y.keeps(t, y.dir, promised, 10, rand.New(rand.NewPCG(7, 7)))
	for _, rev := range promised {
		proven(t, y.dir, rev)
	}
}

// TestAcceptanceKilledRetention kills `revkeeper gc` at random points of its run.
func TestAcceptanceKilledRetention(t *testing.T) {
	y := aYear(t)
	promised := promises(t, y.dir, gc(t, y.dir, "--dry-run", "--all"))
	whole := copyOf(t, y.dir)
	began := time.Now()
	gc(t, whole, "--yes")
	took := time.Since(began)
	rng := rand.New(rand.NewPCG(11, 11))
	killed, amid, all := 0, 0, len(history(t, y.dir).Deltas)
	for range kills {
		dir := copyOf(t, y.dir)
		cmd := exec.Command(images.Binary(t, "revkeeper"), "gc", "--store", "file://"+dir, "--yes")
		must(t, cmd.Start())
		timer := time.AfterFunc(time.Duration(rng.Int64N(int64(took))), func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			killed++
		}
		timer.Stop()
		if left := len(history(t, dir).Deltas); left < all {
			amid++
		}
		y.keeps(t, dir, promised, 1, rng)
		gc(t, dir, "--yes") // the next run finishes
		y.keeps(t, dir, promised, 1, rng)
		if left := gc(t, dir, "--dry-run").Summary.Deleted; left > 0 {
			t.Fatalf("%d are left to go", left)
		}
		must(t, os.RemoveAll(dir))
	}
	t.Logf("a whole run takes %s; %d of %d were killed, %d after deletions had begun", took.Round(time.Millisecond), killed, kills, amid)
	if killed < kills/2 || amid == 0 {
		t.Errorf("the kills hit too little")
	}
}
