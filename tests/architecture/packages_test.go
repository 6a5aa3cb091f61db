package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// rel is the package's path relative to the module, "" for the module itself.
func (p pkg) rel() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// root is the module's directory.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func goList(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// packages lists the module. -e: a package that does not compile still has its
// imports checked.
func packages(t *testing.T) []pkg {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(goList(t, "-e", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")))
	var out []pkg
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	if len(out) < 10 {
		t.Fatalf("only %d packages found", len(out))
	}
	return out
}

func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if why := verdict(p.rel(), imported); why != "" {
				t.Errorf("%s imports %s: %s", p.rel(), imported, why)
			}
		}
		for _, imported := range append(p.TestImports, p.XTestImports...) {
			if why := testVerdict(p.rel(), imported); why != "" {
				t.Errorf("tests of %s import %s: %s", p.rel(), imported, why)
			}
		}
	}
}

// forbiddenInSidecar are packages, with all below them, that the sidecar's
// binary must not link: it stands beside etcd and is none.
var forbiddenInSidecar = []string{
	"go.etcd.io/etcd/server/v3/embed",
	"github.com/ory/dockertest",
	"k8s.io/client-go/tools/cache", // informers are for tests
	"testing",
	module + "/tests",
}

// linked returns those of deps that the sidecar must not link. Of etcd's server
// only the package itself counts: formats live in packages below it.
func linked(deps []string) []string {
	var out []string
	for _, d := range deps {
		bad := d == "go.etcd.io/etcd/server/v3/etcdserver"
		for _, f := range forbiddenInSidecar {
			bad = bad || d == f || strings.HasPrefix(d, f+"/")
		}
		if bad {
			out = append(out, d)
		}
	}
	return out
}

func TestTheSidecarLinksNoServer(t *testing.T) {
	got := linked([]string{
		"go.etcd.io/etcd/server/v3/etcdserver", "go.etcd.io/etcd/server/v3/etcdserver/api/snap", "go.etcd.io/etcd/server/v3/embed",
		"github.com/ory/dockertest/v3", module + "/tests/fake", module + "/domain/role", "fmt",
	})
	if len(got) != 4 {
		t.Errorf("the check finds %v", got)
	}
	const cmd = "bootstrap/cmd/revkeeper"
	if _, err := os.Stat(filepath.Join(root(t), cmd)); errors.Is(err, os.ErrNotExist) {
		t.Logf("%s does not exist yet", cmd)
		return
	}
	for _, d := range linked(strings.Fields(string(goList(t, "-deps", "./"+cmd)))) {
		t.Errorf("%s links %s", cmd, d)
	}
}
