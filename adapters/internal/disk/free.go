// Package disk asks file systems for their free space.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Free returns how many bytes a process without privileges can write where dir
// is, or would be made. A file system that does not tell is Unsupported.
func Free(dir string) (int64, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, fault.Wrap(fault.Invalid, "ask for free space", dir, err)
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fault.Wrap(fault.Unsupported, "ask for free space", dir, err)
	}
	return available(&s), nil
}

func available(s *unix.Statfs_t) int64 { return int64(s.Bavail) * block(s) }
