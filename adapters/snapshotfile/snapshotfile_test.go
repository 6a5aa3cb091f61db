package snapshotfile_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/snapshotfile"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/contract/datadir"
	"github.com/revkeeper/revkeeper/tests/contract/snapshottaker"
	"github.com/revkeeper/revkeeper/tests/smalldisk"
)

func TestContract(t *testing.T) {
	snapshottaker.Run(t, "snapshotfile", func(t *testing.T) snapshottaker.Place {
		dir := t.TempDir()
		path := filepath.Join(dir, "snapshot.db")
		return snapshottaker.Place{
			SnapshotTaker: snapshotfile.New(path),
			Held: func() (held [][]byte) {
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					content, err := os.ReadFile(filepath.Join(dir, e.Name()))
					if err != nil {
						t.Fatal(err)
					}
					held = append(held, content)
				}
				return held
			},
			Occupy: func() {
				if err := os.WriteFile(path, []byte("somebody's"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

// Between the first look and the end somebody else may write there.
func TestAFileThatCameMeanwhileStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.db")
	f := snapshotfile.New(path)
	if err := f.Ready(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Take(t.Context(), built(t, 1000)); !errors.Is(err, fault.Conflict) {
		t.Errorf("err = %v", err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "somebody's" {
		t.Errorf("%d bytes stand there, %v", len(content), err)
	}
	datadir.Holds(t, filepath.Dir(path), "snapshot.db")
}

func built(t *testing.T, size int) ports.BuiltSnapshot {
	content := datadir.Snapshot(t, 100, size)
	return ports.BuiltSnapshot{ReadCloser: io.NopCloser(bytes.NewReader(content)), Size: int64(len(content)), Facts: ports.FullFacts{Last: 100}}
}

func TestWhereNoFileCanBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none", "snapshot.db"), filepath.Join(file, "snapshot.db")} {
		var said *fault.Error
		if err := snapshotfile.New(path).Ready(t.Context(), 5); !errors.Is(err, fault.Invalid) || !errors.As(err, &said) || said.Remedy == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAFullDiskKeepsNothing(t *testing.T) {
	smalldisk.Run(t, 1<<20, func(t *testing.T, disk string) {
		if _, err := snapshotfile.New(filepath.Join(disk, "snapshot.db")).Take(t.Context(), built(t, 20_000)); !errors.Is(err, fault.Unavailable) {
			t.Errorf("err = %v", err)
		}
		datadir.Holds(t, disk)
	})
}
