// Package local keeps objects as files in a folder: the key is the path.
//
// A new object is written to a hidden folder of the same file system, synced,
// and hard-linked to its final name, which the kernel refuses if the name is
// taken. So an object appears whole or not at all, is never replaced, and
// survives a power cut once Create returned nil.
package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	// incoming is the folder of unfinished objects, under the root.
	incoming = ".revkeeper-incoming"
	// staleAfter is how long an unfinished object may be left without a write
	// before New takes it for the remains of a crash.
	staleAfter = 24 * time.Hour

	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// Store is a ports.ObjectStore in a folder. It is safe for concurrent use, also
// by several processes on one folder.
type Store struct {
	root string

	mu     sync.Mutex
	synced map[string]bool // folders whose own entry this process has made durable
}

var _ ports.ObjectStore = (*Store)(nil)

// New returns the store in the folder root, which need not exist yet: the first
// Create makes it. Nothing is written here, so a read-only folder can be read
// from; unfinished objects older than a day are removed where that is possible.
// A root that is not a folder is Invalid.
func New(root string) (*Store, error) {
	const op = "open local store"
	if root == "" {
		return nil, fault.New(fault.Invalid, op, root, "the path is empty")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, root, err)
	}
	switch info, err := os.Stat(root); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, unreadable(op, root, err)
	case !info.IsDir():
		return nil, fault.New(fault.Invalid, op, root, "it is not a folder")
	}
	s := &Store{root: root, synced: make(map[string]bool)}
	// Tidiness, never needed for correctness: errors do not matter.
	_, _ = s.sweep(time.Now().Add(-staleAfter))
	return s, nil
}

// Existing is New for who only works on what there is: a folder that does not exist
// is NotFound, and not an empty store.
func Existing(root string) (*Store, error) {
	s, err := New(root)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.root); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "open store", s.root, "there is no such folder").
			WithRemedy("check --store; a sidecar makes the folder with the first object that it stores")
	}
	return s, nil
}

// Resolve returns the absolute path of a folder without symbolic links, as far as it
// exists; what of it does not is made by the first Create.
func Resolve(folder string) (string, error) {
	const op = "resolve folder"
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, op, folder, err)
	}
	missing := ""
	for {
		found, err := filepath.EvalSymlinks(folder)
		if err == nil {
			return filepath.Join(found, missing), nil
		}
		parent := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || parent == folder {
			return "", failure(op, folder, err)
		}
		folder, missing = parent, filepath.Join(filepath.Base(folder), missing)
	}
}

// Capabilities implements ports.ObjectStore.
func (s *Store) Capabilities() ports.Capabilities {
	return ports.Capabilities{Location: "file://" + filepath.ToSlash(s.root), AtomicCreate: true}
}

// Open implements ports.ObjectStore.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	const op = "open object"
	path, err := s.path(ctx, op, key)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(op, key, err)
	}
	r, err := newReader(ctx, f, key, offset, length)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// Stat implements ports.ObjectStore.
func (s *Store) Stat(ctx context.Context, key string) (ports.Object, error) {
	const op = "stat object"
	path, err := s.path(ctx, op, key)
	if err != nil {
		return ports.Object{}, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return ports.Object{}, unreadable(op, key, err)
	}
	if !info.Mode().IsRegular() {
		return ports.Object{}, notAnObject(op, key)
	}
	return ports.Object{Key: key, Size: info.Size()}, nil
}

// Delete implements ports.ObjectStore. Folders stay, so that a Create at the
// same time does not lose the one it is about to use.
func (s *Store) Delete(ctx context.Context, key string) error {
	const op = "delete object"
	path, err := s.path(ctx, op, key)
	if err != nil {
		return err
	}
	if err := remove(key, path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); !missing(err) {
		return failure(op, key, err)
	}
	return nil
}

// path returns where key is kept, or the error of a done context or a bad key.
func (s *Store) path(ctx context.Context, op, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fault.Wrap(fault.Unavailable, op, key, err)
	}
	if err := objectkey.Check(op, key); err != nil {
		return "", err
	}
	if first, _, _ := strings.Cut(key, "/"); reserved(first) {
		return "", fault.New(fault.Invalid, op, key, "the name "+first+" is reserved in a local store")
	}
	return filepath.Join(s.root, filepath.FromSlash(key)), nil
}

// reserved reports names directly under the root that are never objects: the
// unfinished ones, and what a file system of its own puts into every root.
func reserved(name string) bool { return name == incoming || name == "lost+found" }

// missing reports errors that mean there is no such object; a file where the
// path needs a folder is one of them.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func notAnObject(op, key string) error {
	return fault.New(fault.NotFound, op, key, "it is not a file")
}
