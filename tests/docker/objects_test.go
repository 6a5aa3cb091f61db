package docker

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/timeline"
)

// unfinished is in the names that versitygw gives to files that are no objects
// yet.
const unfinished = "sgwtmp"

// object is a file of the store as it was when it was first seen.
type object struct {
	info   fs.FileInfo
	digest [sha256.Size]byte
}

// objects watches the directory in which a store keeps its objects. An object
// appears whole and never changes. It is safe for concurrent use.
type objects struct {
	dir string

	mu     sync.Mutex
	known  map[string]*object // by key
	broken []string
}

// look takes notice of what is new, and of what is not as it was. Where thorough
// is set, it reads every object again.
func (o *objects) look(thorough bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[string]*object{}
	}
	found := map[string]bool{}
	err := filepath.WalkDir(o.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the store is still empty
		}
		if err != nil || d.IsDir() || strings.Contains(path, unfinished) {
			return err
		}
		key, err := filepath.Rel(o.dir, path)
		if err != nil {
			return err
		}
		key = filepath.ToSlash(key)
		found[key] = true
		return o.compare(key, path, thorough)
	})
	for key := range o.known {
		if err == nil && !found[key] {
			o.broken = append(o.broken, key+" is gone")
			delete(o.known, key)
		}
	}
	return err
}

// compare holds a file against what it was. The caller holds mu.
func (o *objects) compare(key, path string, thorough bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	before := o.known[key]
	if before != nil && !thorough && same(before.info, info) {
		return nil
	}
	digest, err := digestOf(path)
	if err != nil {
		return err
	}
	switch now := (&object{info: info, digest: digest}); {
	case before == nil:
		o.known[key] = now
	case before.digest != digest:
		o.broken = append(o.broken, fmt.Sprintf("%s was %d bytes, SHA-256 %x, and is %d bytes, SHA-256 %x",
			key, before.info.Size(), before.digest[:4], info.Size(), digest[:4]))
		o.known[key] = now
	case !os.SameFile(before.info, info):
		o.broken = append(o.broken, key+" was replaced by another of the same content")
		o.known[key] = now
	}
	return nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func digestOf(path string) (digest [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return digest, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return digest, err
	}
	h.Sum(digest[:0])
	return digest, nil
}

// listing is what the store would list.
func (o *objects) listing() []timeline.Object {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []timeline.Object
	for key, each := range o.known {
		all = append(all, timeline.Object{Key: key, Size: each.info.Size()})
	}
	slices.SortFunc(all, func(a, b timeline.Object) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// takeBroken returns what was found since it was asked last.
func (o *objects) takeBroken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	broken := o.broken
	o.broken = nil
	return broken
}

func TestObjectsNeverChange(t *testing.T) {
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name   string
		happen func(t *testing.T, dir string)
		broken string
	}{
		{"another appears", func(t *testing.T, dir string) { write(t, dir+"/a/two", "2") }, ""},
		{"one is only touched", func(t *testing.T, dir string) {
			if err := os.Chtimes(dir+"/a/one", time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"the store begins another", func(t *testing.T, dir string) {
			write(t, dir+"/a/.one.sgwtmp.7", "half")
			write(t, dir+"/.sgwtmp/x", "half")
		}, ""},
		{"one grows", func(t *testing.T, dir string) { write(t, dir+"/a/one", "1 and more") }, "a/one was 1 bytes"},
		{"one changes and looks the same", func(t *testing.T, dir string) {
			info, err := os.Stat(dir + "/a/one")
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/a/one", "7")
			if err := os.Chtimes(dir+"/a/one", info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, "a/one was 1 bytes"},
		{"one is replaced by its like", func(t *testing.T, dir string) {
			write(t, dir+"/a/"+unfinished, "1")
			if err := os.Rename(dir+"/a/"+unfinished, dir+"/a/one"); err != nil {
				t.Fatal(err)
			}
		}, "replaced by another of the same content"},
		{"one disappears", func(t *testing.T, dir string) {
			if err := os.Remove(dir + "/a/one"); err != nil {
				t.Fatal(err)
			}
		}, "a/one is gone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := &objects{dir: t.TempDir()}
			write(t, o.dir+"/a/one", "1")
			if err := o.look(false); err != nil {
				t.Fatal(err)
			}
			tc.happen(t, o.dir)
			if err := o.look(true); err != nil {
				t.Fatal(err)
			}
			broken := strings.Join(o.takeBroken(), "; ")
			if (broken == "") != (tc.broken == "") || !strings.Contains(broken, tc.broken) {
				t.Errorf("found %q, want %q", broken, tc.broken)
			}
		})
	}
	if err := (&objects{dir: t.TempDir() + "/missing"}).look(true); err != nil {
		t.Errorf("an empty store: %v", err)
	}
}
