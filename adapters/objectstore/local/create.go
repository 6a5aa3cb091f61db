package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/revkeeper/revkeeper/adapters/internal/objectbody"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// chunk is how much is copied between two looks at the context, in bytes.
const chunk = 256 << 10

// Create implements ports.ObjectStore. Memory use is one chunk.
func (s *Store) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	const op = "create object"
	path, err := s.path(ctx, op, key)
	if err != nil {
		return err
	}
	if size < 0 {
		return fault.New(fault.Invalid, op, key, "the size is negative")
	}
	// The link below decides; this only spares the copy in the common case.
	if _, err := os.Lstat(path); err == nil {
		return linkFailure(op, key, fs.ErrExist)
	}
	staging := filepath.Join(s.root, incoming)
	if err := s.makeDirs(staging); err != nil {
		return failure(op, key, err)
	}
	temp, err := os.CreateTemp(staging, "object-*") // 0600
	if err != nil {
		return failure(op, key, err)
	}
	err = fill(ctx, temp, key, body, size)
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return failure(op, key, errors.Join(err, os.Remove(temp.Name())))
	}
	return s.publish(op, key, temp.Name(), path)
}

// publish gives the finished file its name and removes the temporary one.
func (s *Store) publish(op, key, temp, path string) error {
	err := s.makeDirs(filepath.Dir(path))
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		err = &fault.Error{Kind: fault.Invalid, Op: op, Object: key, Detail: "a part of its path is an object", Err: err}
	case err != nil:
		err = failure(op, key, err)
	default:
		if err = os.Link(temp, path); err != nil {
			err = linkFailure(op, key, err)
		}
	}
	// A leftover is hidden and swept later: not worth failing a stored object.
	_ = os.Remove(temp)
	if err != nil {
		return err
	}
	return failure(op, key, syncDir(filepath.Dir(path)))
}

// fill copies size bytes of body into f.
func fill(ctx context.Context, f *os.File, key string, body io.ReaderAt, size int64) error {
	src := objectbody.NewReader(ctx, body, size)
	// Hide the file's ReadFrom: the chunk is what bounds memory and time.
	_, err := io.CopyBuffer(struct{ io.Writer }{f}, src, make([]byte, min(chunk, size+1)))
	if src.Err() != nil {
		return objectbody.Failure("create object", key, src.Err())
	}
	return err
}

// makeDirs makes dir and the folders above it and makes their entries durable.
// A folder below the root is synced once per process even if it is there
// already: whoever made it may have died before doing so.
func (s *Store) makeDirs(dir string) error {
	switch info, err := os.Stat(dir); {
	case err == nil && !info.IsDir():
		return syscall.ENOTDIR
	case err == nil && (s.isSynced(dir) || !strings.HasPrefix(dir, s.root+string(filepath.Separator))):
		return nil
	}
	parent := filepath.Dir(dir)
	if err := s.makeDirs(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDir(parent); err != nil {
		return err
	}
	s.mu.Lock()
	s.synced[dir] = true
	s.mu.Unlock()
	return nil
}

func (s *Store) isSynced(dir string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced[dir]
}

// syncDir makes the entries of a folder durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems sync folders by themselves
	}
	return errors.Join(err, f.Close())
}
