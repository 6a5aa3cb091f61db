// Package snapshotfile keeps a snapshot as the plain file that `etcdctl snapshot
// save` writes: the database, then its SHA-256.
package snapshotfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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
	if _, err := os.Lstat(f.path); err == nil {
		return f.failure(fs.ErrExist)
	}
	info, err := os.Stat(filepath.Dir(f.path))
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return f.failure(err)
}

// Take implements ports.SnapshotTaker. The file is for its owner's eyes: it holds
// everything that the cluster holds.
func (f *File) Take(ctx context.Context, s ports.BuiltSnapshot) (ports.Written, error) {
	temp, err := os.CreateTemp(filepath.Dir(f.path), "."+filepath.Base(f.path)+"-*") // 0600
	if err != nil {
		return ports.Written{}, f.failure(err)
	}
	defer os.Remove(temp.Name()) // once it is published, that name is gone or another link
	n, err := io.CopyBuffer(struct{ io.Writer }{temp}, s, make([]byte, 1<<20))
	if err == nil && n != s.Size {
		err = fault.New(fault.Internal, op, f.path, fmt.Sprintf("the snapshot ended after %d of %d bytes", n, s.Size))
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = publish(temp.Name(), f.path)
	}
	if err != nil {
		return ports.Written{}, f.failure(err)
	}
	return ports.Written{Place: f.path, Size: n}, f.failure(syncDir(filepath.Dir(f.path)))
}

// publish gives a finished file its name, unless that is taken by now. Where there
// are no hard links, as on many a stick, it is renamed.
func publish(temp, path string) error {
	err := os.Link(temp, path)
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(temp, path)
}

// syncDir makes the entries of a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// failure gives an error of the file system its kind and remedy; others stay as
// they are.
func (f *File) failure(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &fault.Error{Kind: fault.Internal, Op: op, Object: f.path, Err: err}
	switch {
	case errors.Is(err, fs.ErrExist):
		e.Kind, e.Detail, e.Err, e.Remedy = fault.Conflict, "it exists already", nil, "name another file, or move that one away"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind, e.Remedy = fault.Unavailable, "free space on that file system; nothing was left behind"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		e.Kind, e.Remedy = fault.Invalid, "name a file in a directory that exists"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind, e.Remedy = fault.Invalid, "name a file in a directory that may be written to"
	}
	return e
}
