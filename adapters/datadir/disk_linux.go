package datadir

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteback makes the kernel begin to write a range of a file. It makes
// nothing durable and its failure means nothing: the sync at the end then has
// more to do.
func startWriteback(f *os.File, offset, length int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE)
}

// allocate reserves space for a file and extends it.
func allocate(f *os.File, offset, length int64) error {
	return unix.Fallocate(int(f.Fd()), 0, offset, length)
}
