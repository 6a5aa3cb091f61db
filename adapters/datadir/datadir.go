// Package datadir writes etcd data directories: the database from a full, the
// records of deltas straight into it, and the write-ahead log and raft snapshot
// that make it the first member of a new cluster. No etcd server takes part.
package datadir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/revkeeper/revkeeper/adapters/internal/disk"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// stagingPrefix starts the name of the directory in which a restore is built,
// inside the target: a data directory is often a mount point, so that a rename
// from beside it would cross file systems.
const stagingPrefix = ".revkeeper-"

// prepare is what is attempted before anything is written.
const prepare = "prepare data directory"

// stagingID is how many random bytes, in hexadecimal, end that name.
const stagingID = 4

// Dirs implements ports.DataDir on the local file system.
type Dirs struct{}

var _ ports.DataDir = Dirs{}

// Stage implements ports.DataDir.
func (Dirs) Stage(ctx context.Context, dir string) (ports.Staging, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, prepare, dir, err)
	}
	s := &Staging{target: dir}
	if s.madeTarget, s.lock, err = claim(dir); err != nil {
		return nil, err
	}
	var id [stagingID]byte
	_, _ = rand.Read(id[:])
	s.root = filepath.Join(dir, stagingPrefix+hex.EncodeToString(id[:]))
	s.path = filepath.Join(s.snapDir(), "db")
	for _, d := range []string{s.root, s.member(), s.snapDir()} {
		if err := os.Mkdir(d, 0o700); err != nil {
			s.Discard()
			return nil, diskError(prepare, d, err)
		}
	}
	return s, nil
}

// Free implements ports.DataDir.
func (Dirs) Free(ctx context.Context, dir string) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return disk.Free(dir)
}

// claim makes sure that dir exists, holds nothing that could be data, and is
// nobody else's to restore into until the lock is closed. What an earlier restore
// left when it was killed is removed.
func claim(dir string) (made bool, lock *os.File, err error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return false, nil, diskError("make data directory", dir, err)
		}
		made = true
	}
	lock, exclusive, err := lockDirectory(dir)
	if err != nil {
		return made, nil, err
	}
	if err := makeEmpty(dir, exclusive); err != nil {
		return made, nil, errors.Join(err, lock.Close())
	}
	return made, lock, nil
}

// makeEmpty makes sure that dir holds nothing that could be data. What an
// unfinished restore left is removed if it certainly is nobody's any more.
func makeEmpty(dir string, exclusive bool) error {
	leftovers, err := look(dir)
	if err != nil {
		return err
	}
	if !exclusive {
		return nil // etcd passes over it, and so does the next restore
	}
	for _, name := range leftovers {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return diskError("remove an unfinished restore", dir, err)
		}
	}
	return nil
}

// look returns what unfinished restores left in dir. That it holds something that
// could be data is Conflict.
func look(dir string) (leftovers []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, diskError("read data directory", dir, err)
	}
	var content []string
	for _, e := range entries {
		switch {
		case e.Name() == "lost+found":
		case isStaging(e):
			leftovers = append(leftovers, e.Name())
		default:
			content = append(content, e.Name())
		}
	}
	if len(content) > 0 {
		return nil, fault.New(fault.Conflict, prepare, dir,
			fmt.Sprintf("it is not empty: %s", strings.Join(content, ", "))).
			WithRemedy("restore into another directory, or move what is there away")
	}
	return leftovers, nil
}

// isStaging reports whether an entry is what Stage makes.
func isStaging(e fs.DirEntry) bool {
	id, ok := strings.CutPrefix(e.Name(), stagingPrefix)
	_, err := hex.DecodeString(id)
	return ok && err == nil && len(id) == 2*stagingID && e.IsDir()
}

// diskError gives an error of the file system its kind and remedy.
func diskError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Kind: fault.Internal, Op: op, Object: path, Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind, e.Remedy = fault.Unavailable, "free space on that file system and restore again; nothing was left behind"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrNotExist):
		e.Kind, e.Remedy = fault.Invalid, "name a directory that exists, or that can be made, and may be written to"
	case errors.Is(err, fs.ErrExist):
		e.Kind = fault.Conflict
	}
	return e
}

// syncDir makes the entries of a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return diskError("sync directory", dir, err)
	}
	err = d.Sync()
	return errors.Join(diskError("sync directory", dir, err), d.Close())
}
