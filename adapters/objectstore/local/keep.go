package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

var _ ports.StoreKeeper = (*Store)(nil)

// DeleteAll implements ports.StoreKeeper. Each folder is synced once.
func (s *Store) DeleteAll(ctx context.Context, keys []string) []error {
	out := make([]error, len(keys))
	touched := map[string][]int{} // which keys were removed from each folder
	for i, key := range keys {
		path, err := s.path(ctx, "delete object", key)
		if err == nil {
			err = remove(key, path)
		}
		if out[i] = err; err == nil {
			touched[filepath.Dir(path)] = append(touched[filepath.Dir(path)], i)
		}
	}
	for dir, removed := range touched {
		err := syncDir(dir)
		if err == nil || missing(err) {
			continue
		}
		for _, i := range removed {
			out[i] = failure("delete object", keys[i], err)
		}
	}
	return out
}

// remove takes the name of an object away; one that is not there is no error.
func remove(key, path string) error {
	const op = "delete object"
	switch info, err := os.Lstat(path); {
	case missing(err), err == nil && !info.Mode().IsRegular():
		return nil
	case err != nil:
		return failure(op, key, err)
	}
	err := os.Remove(path)
	switch {
	case err == nil, missing(err):
		return nil
	case errors.Is(err, syscall.EPERM): // a lack of permission is EACCES
		return &fault.Error{Kind: fault.Immutable, Op: op, Object: key, Err: err,
			Detail: "the file or its folder is immutable (lsattr), or sticky and another user's"}
	}
	return failure(op, key, err)
}

// SweepUploads implements ports.StoreKeeper.
func (s *Store) SweepUploads(ctx context.Context, before time.Time) (removed int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, fault.Wrap(fault.Unavailable, "sweep uploads", incoming, err)
	}
	return s.sweep(before)
}

// sweep removes unfinished objects last written before the given time.
func (s *Store) sweep(before time.Time) (removed int, err error) {
	dir := filepath.Join(s.root, incoming)
	entries, err := os.ReadDir(dir)
	if missing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, failure("sweep uploads", incoming, err)
	}
	var failed error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err == nil {
			removed++
		} else if !missing(err) {
			failed = failure("sweep uploads", incoming+"/"+e.Name(), err)
		}
	}
	return removed, failed
}
