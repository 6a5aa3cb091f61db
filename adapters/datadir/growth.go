package datadir

import (
	"os"

	"golang.org/x/sync/errgroup"
)

const (
	// growthStep is how far the file is extended at once, in bytes: pages that
	// are written into allocated space cost the kernel a fifth less.
	growthStep = 64 << 20
	// writebackStep is how much is written before the disk is told to begin.
	writebackStep = 16 << 20
)

// growth keeps the file ahead of the database that grows in it, and the disk
// busy behind it, so that the sync at the end finds little to do.
type growth struct {
	file      *os.File
	used      int64 // bytes of pages that the database has committed
	allocated int64
	written   int64 // up to here the disk was told to begin
	full      bool  // allocating failed; the database then grows by itself
}

// open is called by bbolt to open the file, which is bbolt's to close.
func (g *growth) open(path string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag, mode)
	g.file = f
	return f, err
}

// reached is told of the size that the database has committed.
func (g *growth) reached(used int64) {
	g.used = used
	if g.full || used+growthStep/2 < g.allocated {
		return
	}
	from := max(g.allocated, used)
	if err := allocate(g.file, from, growthStep); err != nil {
		g.full = true
		return
	}
	g.allocated = from + growthStep
}

// writeback starts writing what was committed since, beside whatever the caller
// does before it waits for the group.
func (g *growth) writeback(group *errgroup.Group) {
	from, length := g.written, g.used-g.written
	if length < writebackStep {
		return
	}
	g.written = g.used
	group.Go(func() error {
		startWriteback(g.file, from, length)
		return nil
	})
}

// trim cuts off what was allocated and is not used.
func (g *growth) trim(used int64) error {
	if g.allocated <= used {
		return nil
	}
	return g.file.Truncate(used)
}
