// Package images builds the real programs that tests run: etcd in three
// releases, an S3 server, Kubernetes' API server, and revkeeper itself.
//
// Each foreign program has a module of its own in a directory beside this file,
// because the releases cannot share one go.mod. The binaries are static, so they
// run on the host and inside images made FROM scratch alike.
package images

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// program says where a binary comes from.
type program struct {
	module string // directory of its module, relative to this file
	pkg    string // import path of its main package
	own    bool   // built from this tree, so go.mod and go.sum do not identify it
}

var programs = map[string]program{
	"etcd35":         {module: "etcd35", pkg: "go.etcd.io/etcd/server/v3"},
	"etcd35ctl":      {module: "etcd35", pkg: "go.etcd.io/etcd/etcdctl/v3"},
	"etcd35utl":      {module: "etcd35", pkg: "go.etcd.io/etcd/etcdutl/v3"},
	"etcd3515":       {module: "etcd3515", pkg: "go.etcd.io/etcd/server/v3"},
	"etcd36":         {module: "etcd36", pkg: "go.etcd.io/etcd/server/v3"},
	"etcd36ctl":      {module: "etcd36", pkg: "go.etcd.io/etcd/etcdctl/v3"},
	"etcd36utl":      {module: "etcd36", pkg: "go.etcd.io/etcd/etcdutl/v3"},
	"etcd37":         {module: "etcd37", pkg: "go.etcd.io/etcd/server/v3"},
	"etcd37ctl":      {module: "etcd37", pkg: "go.etcd.io/etcd/etcdctl/v3"},
	"etcd37utl":      {module: "etcd37", pkg: "go.etcd.io/etcd/etcdutl/v3"},
	"kube-apiserver": {module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-apiserver"},
	"versitygw":      {module: "versitygw", pkg: "github.com/versity/versitygw/cmd/versitygw"},
	"revkeeper":      {module: "../..", pkg: "github.com/revkeeper/revkeeper/bootstrap/cmd/revkeeper", own: true},
	"link":           {module: "../..", pkg: "github.com/revkeeper/revkeeper/tests/images/link", own: true},
	"revkeeper-demo": {module: "../..", pkg: "github.com/revkeeper/revkeeper/bootstrap/cmd/revkeeper-demo", own: true},
}

var (
	inProcess sync.Mutex // one build at a time: each uses every core
	built     sync.Map   // name to path: what this process has built
)

// Binary returns the absolute path of the static binary called name, building
// it if this is the first use. It is shared through the user's cache directory,
// so several test processes may ask at once and must not change the file. A
// program that does not build fails the test.
func Binary(t testing.TB, name string) string {
	t.Helper()
	if path, ok := built.Load(name); ok {
		return path.(string)
	}
	path, err := build(name)
	if err != nil {
		t.Fatalf("binary %s: %v", name, err)
	}
	built.Store(name, path)
	return path
}

func build(name string) (string, error) {
	p, ok := programs[name]
	if !ok {
		return "", fmt.Errorf("no such program")
	}
	_, self, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(self) {
		return "", errors.New("the source directory is unknown; do not run tests with -trimpath")
	}
	dir := filepath.Join(filepath.Dir(self), p.module)
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "revkeeper-tests")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	id, err := identity(dir, p)
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, name+"-"+id)

	inProcess.Lock()
	defer inProcess.Unlock()
	unlock, err := lock(filepath.Join(cache, name+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(target); err == nil && !p.own {
		return target, nil
	}
	return target, compile(dir, p.pkg, target)
}

// identity names the sources of a program, so that a changed pin gives another
// file. Our own sources change all the time: Go's build cache decides there.
func identity(dir string, p program) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), p.pkg)
	if p.own {
		fmt.Fprintln(h, dir)
	} else {
		for _, f := range []string{"go.mod", "go.sum"} {
			b, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				return "", err
			}
			h.Write(b)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// compile builds beside target and renames, so that nobody runs half a file and
// a process that runs the old one keeps it.
func compile(dir, pkg, target string) error {
	temp := fmt.Sprintf("%s.%d", target, os.Getpid())
	cmd := exec.Command("go", "build", "-C", dir, "-trimpath", "-o", temp, pkg)
	// -race and other flags of the surrounding go test must not get inside.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return os.Rename(temp, target)
}

// lock makes other test processes wait for a build instead of repeating it.
// The kernel drops it when the process ends, however it ends.
func lock(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
