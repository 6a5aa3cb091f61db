//go:build !linux

package disk

import "golang.org/x/sys/unix"

// block is the unit in which blocks are counted; these systems have one for the
// best transfer beside it.
func block(s *unix.Statfs_t) int64 { return int64(s.Bsize) }
