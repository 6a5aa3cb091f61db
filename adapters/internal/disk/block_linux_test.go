package disk

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestBlocksAreCountedInFragments(t *testing.T) {
	for _, tc := range []struct {
		name             string
		transfer, counts int64
		want             int64
	}{
		{"a local file system", 4096, 4096, 4096},
		{"one of a network, which likes long transfers", 1 << 20, 4096, 4096},
		{"one that has no fragments", 4096, 0, 4096},
	} {
		s := unix.Statfs_t{Bavail: 1000}
		s.Bsize += tc.transfer
		s.Frsize += tc.counts
		if got := available(&s); got != 1000*tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, got, 1000*tc.want)
		}
	}
}
