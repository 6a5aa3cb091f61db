package disk

import (
	"cmp"

	"golang.org/x/sys/unix"
)

// block is the unit in which blocks are counted: the fragment. What is called the
// block size is what reads and writes go well in, a mebibyte on a file system of a
// network, and tells nothing about room. A file system that has no fragments says 0.
func block(s *unix.Statfs_t) int64 { return int64(cmp.Or(s.Frsize, s.Bsize)) }
