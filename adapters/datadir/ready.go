package datadir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Ready implements ports.DataDir.
func (Dirs) Ready(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fault.Wrap(fault.Invalid, prepare, dir, err)
	}
	parent := dir
	for {
		if _, err := os.Lstat(parent); !errors.Is(err, fs.ErrNotExist) || parent == filepath.Dir(parent) {
			break
		}
		parent = filepath.Dir(parent)
	}
	if err := writable(parent); err != nil {
		return diskError(prepare, dir, err)
	}
	if parent != dir {
		return nil // it would be made there
	}
	_, err = look(dir)
	return err
}

// writable returns nil if this process may make entries in a directory.
func writable(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
