package local

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// A reader is not told to have a right that it does not need.
func TestWhoOnlyReadsNeedsNoRightToWrite(t *testing.T) {
	s, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"timelines/a", "timelines/locked/b"} {
		if err := s.Create(t.Context(), key, strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(s.root): 0o755, s.root: 0o755, filepath.Join(s.root, "timelines"): 0o755,
		filepath.Join(s.root, "timelines", "a"): 0, filepath.Join(s.root, "timelines", "locked"): 0} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	// Root may read everything; as somebody else this thread may not.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, _ := unix.SetfsuidRetUid(65534)
	_, opened := s.Open(t.Context(), "timelines/a", 0, -1)
	_, told := s.Stat(t.Context(), "timelines/locked/b")
	var listed error
	for _, err := range s.List(t.Context(), "", "") {
		listed = err
	}
	created := s.Create(t.Context(), "timelines/c", strings.NewReader("x"), 1)
	_, _ = unix.SetfsuidRetUid(own)
	b := filepath.Join(s.root, "timelines", "locked")
	if err := os.Chmod(b, 0o700); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"open": opened, "stat": told, "list": listed} {
		if fault.KindOf(err) != fault.Unauthorized || !strings.Contains(err.Error(), "give this user read permission") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if os.Getuid() == 0 && (fault.KindOf(created) != fault.Unauthorized || !strings.Contains(created.Error(), "read and write permission")) {
		t.Errorf("create: %v", created)
	}
}
