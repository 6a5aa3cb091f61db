package local

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// readBatch is how many folder entries are read between two looks at the context.
const readBatch = 1024

// List implements ports.ObjectStore. It holds the matching names of one folder
// per level of depth, never the whole listing.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) {
		w := walk{ctx: ctx, root: s.root, prefix: prefix, after: after, yield: yield}
		if err := w.dir(""); err != nil && !errors.Is(err, errStopped) {
			yield(ports.Object{}, unreadable("list objects", prefix, err))
		}
	}
}

// errStopped says that the consumer wants no more.
var errStopped = errors.New("stopped")

// walk is one listing under way.
type walk struct {
	ctx           context.Context //nolint:containedctx // lives for one call of List
	root          string
	prefix, after string
	yield         func(ports.Object, error) bool
}

// entry is a folder entry; key is its key, with a slash at the end for a folder.
type entry struct {
	key   string
	isDir bool
}

// dir yields what is under the folder whose key is dir ("" or "a/b/").
func (w *walk) dir(dir string) error {
	entries, err := w.read(dir)
	if missing(err) {
		return nil // removed meanwhile, or never made
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if e.isDir {
			err = w.dir(e.key)
		} else {
			err = w.file(e.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file yields one object, unless it is gone by now.
func (w *walk) file(key string) error {
	info, err := os.Lstat(w.path(key))
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !w.yield(ports.Object{Key: key, Size: info.Size()}, nil) {
		return errStopped
	}
	return nil
}

// read returns the wanted entries of a folder in the byte order of the keys
// they stand for. That is not the order of the names: "a.b" comes before "a/c",
// but "a" before "a.b". With the slash put on, it is.
func (w *walk) read(dir string) (entries []entry, err error) {
	f, err := os.Open(w.path(dir))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for {
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
		batch, err := f.ReadDir(readBatch)
		for _, d := range batch {
			if e, ok := w.wanted(dir, d); ok {
				entries = append(entries, e)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(failure("", "", err)), "read folder", dir, err)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return entries, nil
}

// wanted prunes what cannot hold a key that starts with the prefix and follows
// after. Anything but files and folders is not ours.
func (w *walk) wanted(dir string, d fs.DirEntry) (entry, bool) {
	if dir == "" && reserved(d.Name()) {
		return entry{}, false
	}
	key := dir + d.Name()
	switch {
	case d.Type().IsRegular():
		return entry{key: key}, strings.HasPrefix(key, w.prefix) && key > w.after
	case d.IsDir():
		key += "/"
		inPrefix := strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key)
		follows := key > w.after || strings.HasPrefix(w.after, key)
		return entry{key: key, isDir: true}, inPrefix && follows
	}
	return entry{}, false
}

func (w *walk) path(key string) string {
	return filepath.Join(w.root, filepath.FromSlash(key))
}
