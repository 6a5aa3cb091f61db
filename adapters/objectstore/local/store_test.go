package local_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/objectstore"
)

func TestContract(t *testing.T) {
	contract.Run(t, "local", func(t *testing.T) ports.ObjectStore {
		return open(t, filepath.Join(t.TempDir(), "not", "made", "yet"))
	})
}

func TestKeeperContract(t *testing.T) {
	root := ""
	contract.RunKeeper(t, "local", func(t *testing.T) contract.KeptStore {
		root = t.TempDir()
		return open(t, root)
	}, func(t *testing.T, _ contract.KeptStore) {
		if _, err := os.CreateTemp(filepath.Join(root, ".revkeeper-incoming"), "object-*"); err != nil {
			t.Fatal(err)
		}
	})
}

func open(t *testing.T, root string) *local.Store {
	t.Helper()
	s, err := local.New(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(s ports.ObjectStore, key, content string) error {
	return s.Create(context.Background(), key, strings.NewReader(content), int64(len(content)))
}

func keys(t *testing.T, s ports.ObjectStore) []string {
	t.Helper()
	var got []string
	for o, err := range s.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	return got
}

func TestNewWritesNothing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "typo")
	if got := keys(t, open(t, root)); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
	if _, err := os.Lstat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a store that was only read made its folder: %v", err)
	}
}

func TestExistingWantsTheFolder(t *testing.T) {
	root := t.TempDir()
	if _, err := local.Existing(root); err != nil {
		t.Error(err)
	}
	if _, err := local.Existing(filepath.Join(root, "typo")); !errors.Is(err, fault.NotFound) {
		t.Errorf("err = %v", err)
	}
}

func TestNewRefusesWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{file, ""} {
		if _, err := local.New(root); !errors.Is(err, fault.Invalid) {
			t.Errorf("New(%q) = %v", root, err)
		}
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	if err := create(open(t, root), "a/b", "secret"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"": 0o700, "a": 0o700, "a/b": 0o600} {
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%q has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
}

// The remains of a crash: an unfinished object is never listed, is swept when
// it is old, and is left alone while its writer may be alive.
func TestUnfinishedObjects(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := create(s, "a", "x"); err != nil {
		t.Fatal(err)
	}
	incoming := filepath.Join(root, ".revkeeper-incoming")
	fresh, stale := filepath.Join(incoming, "object-1"), filepath.Join(incoming, "object-2")
	for _, p := range []string{fresh, stale} {
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	longAgo := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(stale, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
	open(t, root)
	if _, err := os.Lstat(fresh); err != nil {
		t.Errorf("a fresh one was swept: %v", err)
	}
	if _, err := os.Lstat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stale one was left: %v", err)
	}
}

func TestNothingIsLeftInTheHiddenFolder(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Create(ctx, "cancelled", strings.NewReader("x"), 1)
	_ = s.Create(t.Context(), "short", strings.NewReader("x"), 2)
	_ = create(s, "a", "first")
	_ = create(s, "a", "second")
	_ = create(s, "a/under a file", "x")
	left, err := os.ReadDir(filepath.Join(root, ".revkeeper-incoming"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestForeignThingsAreNotObjects(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := create(s, "a/b", "x"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"lost+found", "empty"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "lost+found", "#1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
	if _, err := s.Stat(t.Context(), "link"); !errors.Is(err, fault.NotFound) {
		t.Errorf("Stat of a symbolic link = %v", err)
	}
	for _, key := range []string{".revkeeper-incoming/x", "lost+found/x"} {
		if err := create(s, key, "x"); !errors.Is(err, fault.Invalid) {
			t.Errorf("Create(%q) = %v", key, err)
		}
	}
}

func TestKeysTheFileSystemCannotHold(t *testing.T) {
	s := open(t, t.TempDir())
	if err := create(s, strings.Repeat("n", 300), "x"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a name of 300 bytes: %v", err)
	}
	if err := create(s, "a", "x"); err != nil {
		t.Fatal(err)
	}
	if err := create(s, "a/b", "x"); !errors.Is(err, fault.Invalid) {
		t.Errorf("an object under an object: %v", err)
	}
}

func TestFolderRemovedUnderTheStore(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	if err := create(s, "a/b/c", "x"); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "a")); err != nil {
		t.Fatal(err)
	}
	if err := create(s, "a/b/c", "x"); err != nil {
		t.Errorf("Create after its folder was removed = %v", err)
	}
}

// Two processes have one folder each of their own Store; the file system decides.
func TestTwoStoresOnOneFolder(t *testing.T) {
	root := t.TempDir()
	first, second := open(t, root), open(t, root)
	if err := create(first, "k", "x"); err != nil {
		t.Fatal(err)
	}
	if err := create(second, "k", "y"); !errors.Is(err, fault.Conflict) {
		t.Errorf("err = %v", err)
	}
}

func TestResolveFollowsWhatExists(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := errors.Join(os.Mkdir(filepath.Join(root, "store"), 0o700), os.Symlink("store", link)); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{
		link:                               filepath.Join(root, "store"),
		filepath.Join(link, "a", "b"):      filepath.Join(root, "store", "a", "b"),
		filepath.Join(root, "none"):        filepath.Join(root, "none"),
		filepath.Join(root, "store") + "/": filepath.Join(root, "store"),
	} {
		if got, err := local.Resolve(folder); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", folder, got, err, want)
		}
	}
}
