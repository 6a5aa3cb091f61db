// Package wholefile writes a file that is whole or not there, and never replaces
// another.
package wholefile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// File is being written beside the place that it will have. It is not safe for
// concurrent use.
type File struct {
	op, path string
	temp     *os.File
}

// Ready returns nil if a file can be made at path: it is Conflict if there is one,
// Invalid if there is no folder for it. op is what is attempted, for errors.
func Ready(op, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return failure(op, path, fs.ErrExist)
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	return failure(op, path, err)
}

// Create begins the file at path, of mode 0600, once that is Ready. The caller
// discards it in the end, also after Commit.
func Create(op, path string) (*File, error) {
	if err := Ready(op, path); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, failure(op, path, err)
	}
	return &File{op: op, path: path, temp: temp}, nil
}

// Write implements io.Writer. A full disk is Unavailable.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.temp.Write(p)
	return n, failure(f.op, f.path, err)
}

// Commit makes the file durable and gives it its name, unless ctx has ended. That
// the name is taken by now is Conflict.
func (f *File) Commit(ctx context.Context) error {
	err := f.temp.Sync()
	if err = errors.Join(err, f.temp.Close()); err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = publish(f.temp.Name(), f.path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(f.path))
	}
	return failure(f.op, f.path, err)
}

// Discard removes what was written beside. What Commit gave a name stays.
func (f *File) Discard() {
	_ = f.temp.Close()
	_ = os.Remove(f.temp.Name())
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
func failure(op, path string, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &fault.Error{Kind: fault.Internal, Op: op, Object: path, Err: err}
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
