package wholefile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/internal/wholefile"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/smalldisk"
)

const op = "try"

func begin(t *testing.T, path, text string) *wholefile.File {
	t.Helper()
	f, err := wholefile.Create(op, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Discard)
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return f
}

// holds checks that a folder has just these files.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func TestAFileIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	f := begin(t, path, "all of it")
	if _, err := os.Stat(path); err == nil {
		t.Error("it has its name before it is finished")
	}
	if err := f.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if text, err := os.ReadFile(path); err != nil || string(text) != "all of it" {
		t.Errorf("%q, %v", text, err)
	}
	begin(t, filepath.Join(dir, "other"), "half").Discard()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f = begin(t, filepath.Join(dir, "other"), "whole, but nobody wants it any more")
	if err := f.Commit(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context: %v", err)
	}
	f.Discard()
	holds(t, dir, "keys")
}

func TestNothingIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	late, first := begin(t, path, "late"), begin(t, path, "first")
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := late.Commit(t.Context()); !errors.Is(err, fault.Conflict) {
		t.Errorf("committing over another: %v", err)
	}
	if _, err := wholefile.Create(op, path); !errors.Is(err, fault.Conflict) {
		t.Errorf("creating what exists: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "first" {
		t.Errorf("%q, %v", text, err)
	}
	first.Discard()
	late.Discard()
	holds(t, dir, "keys")
	if _, err := wholefile.Create(op, filepath.Join(dir, "no", "keys")); !errors.Is(err, fault.Invalid) {
		t.Errorf("in no folder: %v", err)
	}
}

func TestAFullDiskLeavesNothing(t *testing.T) {
	smalldisk.Run(t, 256<<10, func(t *testing.T, disk string) {
		f := begin(t, filepath.Join(disk, "keys"), "")
		if _, err := f.Write(make([]byte, 1<<20)); !errors.Is(err, fault.Unavailable) {
			t.Errorf("writing: %v", err)
		}
		f.Discard()
		holds(t, disk)
	})
}
