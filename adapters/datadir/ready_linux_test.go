package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// nobody is the user whom no file of the test is for.
const nobody = 65534

func TestAFolderThatMayNotBeWritten(t *testing.T) {
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	// Root may write everywhere; as somebody else this thread may not.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, _ := unix.SetfsuidRetUid(nobody)
	inside, below := datadir.Dirs{}.Ready(t.Context(), dir), datadir.Dirs{}.Ready(t.Context(), filepath.Join(dir, "data"))
	_, staged := datadir.Dirs{}.Stage(t.Context(), filepath.Join(dir, "data"))
	_, _ = unix.SetfsuidRetUid(own)
	for _, err := range []error{inside, below, staged} {
		var said *fault.Error
		if !errors.Is(err, fault.Invalid) || !errors.As(err, &said) || said.Remedy == "" {
			t.Errorf("err = %v", err)
		}
	}
}
