package snapshotfile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/archive/snapshotfile"
	"github.com/revkeeper/revkeeper/tests/contract/datadir"
)

// TestARefusedFileIsLeftClosed: an open file that was unwrapped keeps a database's
// worth of disk that nobody sees, so it does not wait for the garbage collector.
func TestARefusedFileIsLeftClosed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close what was forgotten
	good := datadir.Snapshot(t, 30, 10)
	damaged := bytes.Clone(good)
	damaged[len(damaged)/2] ^= 1
	unsealed := good[:len(good)-32]
	nothing := append(make([]byte, 1024), good[len(good)-32:]...)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name     string
		ctx      context.Context
		content  []byte
		skipHash bool
	}{
		{"damaged", t.Context(), damaged, false},
		{"damaged, in gzip", t.Context(), inGzip(t, damaged), false},
		{"damaged, in zstd", t.Context(), inZstd(t, damaged), false},
		{"without its end, in gzip", t.Context(), inGzip(t, unsealed), false},
		{"no database, in gzip", t.Context(), inGzip(t, nothing), true},
		{"gzip that is cut short", t.Context(), inGzip(t, good)[:900], false},
		{"no gzip behind its first bytes", t.Context(), []byte{0x1f, 0x8b, 0, 0, 0, 0}, false},
		{"zstd that is cut short", t.Context(), inZstd(t, good)[:300], false},
		{"told to end, in gzip", cancelled, inGzip(t, good), false},
		{"nothing", t.Context(), nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			path := filepath.Join(dir, "snapshot.db")
			if err := os.WriteFile(path, tc.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := snapshotfile.New(path, tc.skipHash).Catalogue(tc.ctx); err == nil {
				t.Error("it was taken")
			}
			if left := openIn(t, dir); len(left) > 0 {
				t.Errorf("still open: %v", left)
			}
		})
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	path := filepath.Join(dir, "snapshot.gz")
	if err := os.WriteFile(path, inGzip(t, good), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := snapshotfile.New(path, false).Catalogue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := openIn(t, dir); len(left) != 1 || !strings.HasSuffix(left[0], "(deleted)") {
		t.Errorf("of one that was taken, open is %v", left)
	}
}

// openIn returns what this process has open in a directory.
func openIn(t *testing.T, dir string) (paths []string) {
	t.Helper()
	const own = "/proc/self/fd"
	fds, err := os.ReadDir(own)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if path, err := os.Readlink(filepath.Join(own, fd.Name())); err == nil && strings.HasPrefix(path, dir) {
			paths = append(paths, path)
		}
	}
	return paths
}

func inGzip(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func inZstd(t *testing.T, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}
