// Package restore runs the command that restores as an operator does, and kills
// it, starves it and damages what it reads.
package restore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/servers"
	"github.com/revkeeper/revkeeper/tests/stored"
)

const etcdVersion = "etcd37"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// aBucket is a folder with a full of four parts and eight deltas of one, each of
// so many revisions.
func aBucket(t *testing.T, part int64) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	store, err := local.New(dir)
	must(t, err)
	at := time.Now().UTC().Truncate(time.Millisecond)
	b := stored.New(t, store)
	epoch := b.Begin(1, at)
	b.Full(epoch, 0, 4*part, at, true)
	for i := range int64(8) {
		b.Delta(epoch, (4+i)*part+1, (5+i)*part, at)
	}
	return dir
}

func restoreArgs(store, dir string, more ...string) []string {
	return append([]string{"restore", "--store", "file://" + store, "--to-revision", "latest", "--data-dir", dir, "--initial-cluster-token", "killed"}, more...)
}

// tree is what a directory holds: the digest of each file by its path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		digest := sha256.Sum256(content)
		out[strings.TrimPrefix(path, dir)] = hex.EncodeToString(digest[:])
		return err
	}))
	return out
}

// abandoned fails the test unless dir holds nothing but what an unfinished
// restore works in. Left says whether there is such.
func abandoned(t *testing.T, dir string) (left bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	must(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".revkeeper-") {
			t.Fatalf("a killed restore left %s", e.Name())
		}
		left = true
	}
	return left
}

// killedRestores kills the command at random moments of its run. Each time there
// is no data directory or a whole one, and the next restore ends well.
func killedRestores(t *testing.T, kills int, more ...string) {
	store := aBucket(t, 10_000) // a restore takes some tenths of a second
	binary := images.Binary(t, "revkeeper")
	whole := filepath.Join(t.TempDir(), "whole")
	began := time.Now()
	if out, err := exec.Command(binary, restoreArgs(store, whole, more...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	want := tree(t, whole)
	servers.StartRestored(t, etcdVersion, whole)
	rng := rand.New(rand.NewPCG(7, uint64(kills)))
	killed, amid, finished := 0, 0, 0
	for try := 0; killed < kills; try++ {
		if try == 8*kills {
			t.Fatalf("only %d of %d tries were killed before they ended", killed, try)
		}
		dir := filepath.Join(t.TempDir(), "data")
		cmd := exec.Command(binary, restoreArgs(store, dir, more...)...)
		var said bytes.Buffer
		cmd.Stderr = &said
		must(t, cmd.Start())
		after := time.Duration(rng.Int64N(int64(took)))
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			killed++
		}
		timer.Stop()
		if _, err := os.Stat(filepath.Join(dir, "member")); err == nil {
			finished++
			if got := tree(t, dir); !maps.Equal(got, want) {
				t.Fatalf("killed after %s: a data directory that is not whole:\n%v\nwant\n%v\n%s", after, got, want, said.String())
			}
			continue
		}
		if abandoned(t, dir) {
			amid++
		}
		if out, err := exec.Command(binary, restoreArgs(store, dir, more...)...).CombinedOutput(); err != nil {
			t.Fatalf("killed after %s: the next restore: %v\n%s", after, err, out)
		}
		if got := tree(t, dir); !maps.Equal(got, want) {
			t.Fatalf("killed after %s: the next restore made\n%v\nwant\n%v", after, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		must(t, os.RemoveAll(dir))
	}
	t.Logf("a restore takes %s; %d were killed, %d of them with their work half done; %d directories had their name by then", took, killed, amid, finished)
	if amid < kills/4 {
		t.Errorf("the kills hit too little")
	}
}

func TestKilledRestore(t *testing.T) { killedRestores(t, 5) }
