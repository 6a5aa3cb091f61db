// Package snapshotfile keeps a snapshot as the plain file that `etcdctl snapshot
// save` writes: the database, then its SHA-256.
package snapshotfile

import (
	"context"
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/adapters/internal/wholefile"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

const op = "export snapshot"

// File implements ports.SnapshotTaker at a path.
type File struct{ path string }

var _ ports.SnapshotTaker = (*File)(nil)

// New returns a File at path.
func New(path string) *File { return &File{path: path} }

// Ready implements ports.SnapshotTaker.
func (f *File) Ready(ctx context.Context, _ int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return wholefile.Ready(op, f.path)
}

// Take implements ports.SnapshotTaker. The file is for its owner's eyes: it holds
// everything that the cluster holds.
func (f *File) Take(ctx context.Context, s ports.BuiltSnapshot) (ports.Written, error) {
	file, err := wholefile.Create(op, f.path)
	if err != nil {
		return ports.Written{}, err
	}
	defer file.Discard()
	n, err := io.CopyBuffer(file, s, make([]byte, 1<<20))
	if err == nil && n != s.Size {
		err = fault.New(fault.Internal, op, f.path, fmt.Sprintf("the snapshot ended after %d of %d bytes", n, s.Size))
	}
	if err == nil {
		err = file.Commit(ctx)
	}
	if err != nil {
		return ports.Written{}, err
	}
	return ports.Written{Place: f.path, Size: n}, nil
}
