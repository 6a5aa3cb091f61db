//go:build acceptance

package housekeeping

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/poll"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const (
	kills       = 50
	etcdVersion = "etcd37"
	patience    = 5 * time.Minute
)

// backedUp is a real cluster whose history a folder holds.
type backedUp struct {
	dir    string
	client *clientv3.Client
	head   int64
	hashes map[int64]uint32 // what the cluster answered, at random revisions
	window *chain.Coverage
}

func compactArgs(dir, spool string, more ...string) []string {
	return append([]string{"compact", "--store", "file://" + dir, "--spool-dir", spool, "--compact-window", "1m", "--compact-target", "1MiB"}, more...)
}

// backUp lets a real sidecar follow a real cluster under a mixed load, and waits
// until its deltas are old enough to be rolled up.
func backUp(t *testing.T) *backedUp {
	t.Helper()
	b := &backedUp{dir: filepath.Join(t.TempDir(), "store"), hashes: map[int64]uint32{}}
	source := servers.StartEtcd(t, etcdVersion, 1)
	b.client = oracle.Connect(t, source.Endpoints()[0])
	w := load.New(b.client, 17)
	must(t, w.Do(t.Context(), 200))
	sidecar := exec.Command(images.Binary(t, "revkeeper"), "run", "--endpoint", source.Endpoints()[0], "--store", "file://"+b.dir,
		"--spool-dir", t.TempDir(), "--http-listen", "127.0.0.1:0", "--heartbeat-kind", "none", "--backup-flush-age", "100ms", "--backup-head-interval", "200ms")
	var said bytes.Buffer
	sidecar.Stdout, sidecar.Stderr = &said, &said
	must(t, sidecar.Start())
	ended := false
	end := func() {
		if !ended {
			ended = true
			_ = sidecar.Process.Signal(syscall.SIGTERM)
			_ = sidecar.Wait()
		}
	}
	t.Cleanup(end)
	must(t, w.Do(t.Context(), 12_000)) // enough for several roll-ups of the smallest size
	b.head = oracle.Revision(t, b.client)
	rng := rand.New(rand.NewPCG(23, 23))
	for range 40 {
		rev := 2 + rng.Int64N(b.head-1)
		b.hashes[rev], _ = oracle.HashKV(t, b.client, rev)
	}
	eventually(t, func() string {
		if newest, _ := chain.Cover(b.history(t, b.dir)).Newest(); newest == b.head {
			return ""
		}
		return fmt.Sprintf("revision %d is not stored:\n%s", b.head, said.String())
	})
	end()
	cov := chain.Cover(b.history(t, b.dir))
	b.window = &cov
	eventually(t, func() string {
		h := b.history(t, b.dir)
		if time.Since(h.NewestDelta().At) > time.Minute {
			return ""
		}
		return "the deltas are too young"
	})
	t.Logf("%d deltas, %d fulls, revisions up to %d", len(b.history(t, b.dir).Deltas), len(b.history(t, b.dir).Fulls), b.head)
	return b
}

func eventually(t *testing.T, wrong func() string) {
	t.Helper()
	poll.Until(t, patience, wrong)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openStore(t *testing.T, dir string) ports.ObjectStore {
	t.Helper()
	s, err := local.New(dir)
	must(t, err)
	return s
}

// history is the only timeline of a folder; an empty one while there is none.
func (b *backedUp) history(t *testing.T, dir string) *timeline.History {
	t.Helper()
	c, err := revkeeper.New(openStore(t, dir)).Catalogue(t.Context())
	must(t, err)
	if len(c.Timelines) == 0 {
		return &timeline.History{}
	}
	return &c.Timelines[0]
}

// intact makes sure that everything that was restorable is: the windows, every
// object's own bytes, and the cluster's hash at some of the revisions.
func (b *backedUp) intact(t *testing.T, dir string, rng *rand.Rand) {
	t.Helper()
	h := b.history(t, dir)
	if is := chain.Cover(h); fmt.Sprint(is) != fmt.Sprint(*b.window) {
		t.Fatalf("covers %+v, before %+v", is, *b.window)
	}
	for rev := b.window.Windows[0].First; rev <= b.head; rev++ {
		if _, err := chain.Plan(h, rev, nil); err != nil {
			t.Fatal(err)
		}
	}
	archive := revkeeper.New(openStore(t, dir))
	for _, d := range h.Deltas {
		env, err := archive.Envelope(t.Context(), d.Ref)
		must(t, err)
		for _, err := range archive.OpenDelta(t.Context(), env, d.Ref) {
			must(t, err)
		}
	}
	var revisions []int64
	for rev := range b.hashes {
		revisions = append(revisions, rev)
	}
	rng.Shuffle(len(revisions), func(i, j int) { revisions[i], revisions[j] = revisions[j], revisions[i] })
	for _, rev := range append(revisions[:3], b.head) {
		b.hashed(t, dir, rev)
	}
}

// hashed restores a revision into a database and compares its hash with what the
// cluster answered.
func (b *backedUp) hashed(t *testing.T, dir string, revision int64) {
	t.Helper()
	r := restore.NewRebuilder(revkeeper.New(openStore(t, dir)), eventlog.Logger(slog.New(slog.DiscardHandler)))
	var staged ports.StagedDatabase
	builder := datadir.NewBuilder(t.TempDir())
	err := r.Run(t.Context(), restore.Point{Target: revision}, func(ctx context.Context) (ports.StagedDatabase, error) {
		var err error
		staged, err = builder.Begin(ctx)
		return staged, err
	}, func(built restore.Rebuilt) error {
		if len(built.Warnings) > 0 && built.Proof != nil {
			t.Errorf("revision %d: %v", revision, built.Warnings)
		}
		want, ok := b.hashes[revision]
		if !ok {
			return nil // the proof was compared
		}
		history, err := staged.History(t.Context())
		if err != nil {
			return err
		}
		got, err := proof.HashKV(history, revision, built.Plan.Base.First)
		if err == nil && got != want {
			t.Errorf("revision %d hashes to %d, the cluster answered %d", revision, got, want)
		}
		return err
	})
	if err != nil {
		t.Fatalf("revision %d: %v", revision, err)
	}
}

// TestAcceptanceKilledCompaction kills `revkeeper compact` at random points of
// its run and looks each time whether every revision is still there.
func TestAcceptanceKilledCompaction(t *testing.T) {
	b := backUp(t)
	binary := images.Binary(t, "revkeeper")
	slow := []string{"--compact-bandwidth", "3MiB"} // so that the kills hit work
	whole := copyOf(t, b.dir)
	began := time.Now()
	out, err := exec.Command(binary, compactArgs(whole, t.TempDir(), slow...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	t.Logf("a whole run takes %s:\n%.600s", took, out)
	rng := rand.New(rand.NewPCG(31, 31))
	b.intact(t, whole, rng)
	killed, amid, built, leftovers := 0, 0, 0, 0
	small, all := len(b.history(t, b.dir).Deltas), len(b.history(t, whole).Deltas)
	for i := range kills {
		dir, spool := copyOf(t, b.dir), t.TempDir()
		cmd := exec.Command(binary, compactArgs(dir, spool, append(slow, "--full")[:2+i%2]...)...)
		must(t, cmd.Start())
		after := time.Duration(rng.Int64N(int64(took)))
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		if timer.Stop(); err != nil {
			killed++
		}
		h := b.history(t, dir)
		if n := len(h.Deltas); n > small && n < all {
			amid++
		}
		if len(h.Fulls) > 1 {
			built++
		}
		if entries, _ := os.ReadDir(spool); len(entries) > 0 {
			leftovers++
		}
		b.intact(t, dir, rng)
		// Another run finishes what the first left, and does nothing twice.
		if out, err := exec.Command(binary, compactArgs(dir, t.TempDir())...).CombinedOutput(); err != nil {
			t.Fatalf("kill %d after %s: the next run: %v\n%s", i, after, err, out)
		}
		b.intact(t, dir, rng)
		must(t, os.RemoveAll(dir))
	}
	t.Logf("%d of %d were killed; %d between two roll-ups, %d after a full was stored; %d left something in the spool", killed, kills, amid, built, leftovers)
	if killed < kills/2 || amid == 0 {
		t.Errorf("the kills hit too little")
	}
}

// TestAcceptanceCompacted takes away everything that roll-ups and a built full
// replaced, and compares ten random revisions of what is left with the cluster.
func TestAcceptanceCompacted(t *testing.T) {
	b := backUp(t)
	binary := images.Binary(t, "revkeeper")
	for _, args := range [][]string{{"--roll-up"}, {"--full"}} {
		if out, err := exec.Command(binary, compactArgs(b.dir, t.TempDir(), args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		store := openStore(t, b.dir)
		archive := revkeeper.New(store)
		for _, r := range chain.Replaced(b.history(t, b.dir)) {
			env, err := archive.Envelope(t.Context(), r.By.Ref)
			must(t, err)
			if chain.Holds(env, r.Delta.Ref) {
				must(t, store.Delete(t.Context(), r.Delta.Key()))
			}
		}
		h := b.history(t, b.dir)
		t.Logf("after %v: %d deltas, %d fulls", args, len(h.Deltas), len(h.Fulls))
		rng := rand.New(rand.NewPCG(41, 41))
		for range 10 {
			rev := b.window.Windows[0].First + rng.Int64N(b.head-b.window.Windows[0].First+1)
			dir := filepath.Join(t.TempDir(), "data")
			out, err := exec.Command(binary, "restore", "--store", "file://"+b.dir, "--to-revision", fmt.Sprint(max(rev, 2)), "--data-dir", dir, "--keep-revisions", "--force").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			oracle.SameAt(t, b.client, oracle.Connect(t, servers.StartRestored(t, etcdVersion, dir)), max(rev, 2))
		}
	}
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "store")
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}
