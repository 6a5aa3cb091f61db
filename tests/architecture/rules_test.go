// Package architecture checks that the code keeps the shape that
// docs/architecture.md describes: which layer may import which, what the pure
// domain may use, and that the documents name files that exist.
package architecture

import (
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/revkeeper/revkeeper"

// domainMayUse is the standard library for pure rules: no I/O, no context, no
// clock but the types of package time, no logger.
var domainMayUse = []string{
	"bytes", "cmp", "crypto/sha256", "errors", "fmt", "hash", "hash/crc32", "iter", "maps", "math", "math/bits",
	"slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// applicationMayUse is what the application may import beyond the standard
// library and this module.
var applicationMayUse = []string{"golang.org/x/sync/errgroup", "golang.org/x/sync/semaphore"}

// layer returns the first segment of a path relative to the module.
func layer(rel string) string {
	first, _, _ := strings.Cut(rel, "/")
	return first
}

// arrow says why the package from must not import the package to, both relative
// to the module; "" if it may.
func arrow(from, to string) string {
	f, t := layer(from), layer(to)
	var allowed []string
	switch f {
	case "domain", "ports":
		allowed = []string{"domain"}
	case "application":
		allowed = []string{"domain", "ports", "application"}
	case "adapters":
		if t == "adapters" {
			return betweenAdapters(from, to)
		}
		allowed = []string{"domain", "ports"}
		if from == "adapters/httpapi" {
			allowed = append(allowed, "application")
		}
	case "bootstrap":
		allowed = []string{"domain", "ports", "application", "adapters", "bootstrap"}
	case "tests":
		return ""
	}
	if !slices.Contains(allowed, t) {
		return f + " may import " + strings.Join(allowed, ", ") + " only"
	}
	return ""
}

// halves are packages that belong to the adapter around them: the client of an
// API and its server share the generated types.
var halves = []string{"adapters/httpapi/client"}

// betweenAdapters lets an adapter use its own sub-packages and those that all
// adapters share.
func betweenAdapters(from, to string) string {
	own := from
	if slices.Contains(halves, from) {
		own = path.Dir(from)
	}
	if strings.HasPrefix(to, "adapters/internal/") || strings.HasPrefix(to, own+"/") {
		return ""
	}
	return "an adapter imports no other adapter: what two share is built in bootstrap/wiring or lives in adapters/internal"
}

// foreign says why a package must not import one from outside the module.
func foreign(from, imported string) string {
	standard := !strings.Contains(layer(imported), ".")
	switch layer(from) {
	case "domain":
		if !slices.Contains(domainMayUse, imported) && !strings.HasPrefix(imported, "encoding/") {
			return "the domain is pure: it uses the standard library's list in tests/architecture only"
		}
	case "ports":
		if !standard {
			return "ports speak domain and standard library types only"
		}
	case "application":
		if !standard && !slices.Contains(applicationMayUse, imported) {
			return "the application reaches the world through ports"
		}
	}
	return ""
}

// verdict applies the rules to one import of the non-test files of a package.
func verdict(from, imported string) string {
	if to, inside := strings.CutPrefix(imported, module+"/"); inside {
		return arrow(from, to)
	}
	return foreign(from, imported)
}

// testVerdict applies the rules to one import of a _test.go file: the arrows of
// its package, tests/ beside them, and for an adapter those of the same port,
// since a decorator is tested around the store that it decorates.
func testVerdict(from, imported string) string {
	to, inside := strings.CutPrefix(imported, module+"/")
	if !inside || to == from || (layer(to) == "tests" && layer(from) != "domain") {
		return ""
	}
	if family := path.Dir(from); strings.Count(family, "/") == 1 && layer(from) == "adapters" && path.Dir(to) == family {
		return ""
	}
	return arrow(from, to)
}

func TestTheRulesThemselves(t *testing.T) {
	for _, tc := range []struct {
		from, imported string
		ok             bool
	}{
		{"domain/chain", module + "/domain/timeline", true},
		{"domain/chain", "encoding/json", true},
		{"domain/chain", "context", false},
		{"domain/chain", "os", false},
		{"domain/chain", "log/slog", false},
		{"domain/chain", "math/rand/v2", false},
		{"domain/chain", "go.etcd.io/bbolt", false},
		{"domain/chain", module + "/ports", false},
		{"ports", module + "/domain/chain", true},
		{"ports", "context", true},
		{"ports", "go.etcd.io/etcd/client/v3", false},
		{"ports", module + "/application/backup", false},
		{"application/backup", module + "/ports", true},
		{"application/backup", module + "/application/snapshot", true},
		{"application/backup", "golang.org/x/sync/errgroup", true},
		{"application/backup", "go.etcd.io/etcd/client/v3", false},
		{"application/backup", module + "/adapters/etcd", false},
		{"application/backup", module + "/tests/fake", false},
		{"adapters/etcd", "go.etcd.io/etcd/client/v3", true},
		{"adapters/etcd", module + "/ports", true},
		{"adapters/etcd", module + "/application/backup", false},
		{"adapters/etcd", module + "/adapters/datadir", false},
		{"adapters/etcd", module + "/adapters/etcdlike", false},
		{"adapters/etcd", module + "/bootstrap/config", false},
		{"adapters/objectstore/s3", module + "/adapters/objectstore/local", false},
		{"adapters/objectstore/s3", module + "/adapters/internal/objectkey", true},
		{"adapters/httpapi", module + "/adapters/httpapi/openapi", true},
		{"adapters/httpapi/client", module + "/adapters/httpapi/openapi", true},
		{"adapters/httpapi/client", module + "/adapters/httpapi", false},
		{"adapters/httpapi/client", module + "/adapters/etcd", false},
		{"adapters/httpapi/openapi", module + "/adapters/httpapi", false},
		{"adapters/httpapi", module + "/application/backup", true},
		{"adapters/httpapi/openapi", module + "/application/backup", false},
		{"bootstrap/wiring", module + "/adapters/etcd", true},
		{"bootstrap/wiring", module + "/tests/fake", false},
		{"tests/contract", module + "/bootstrap/cli", true},
		{"notes", module + "/domain/chain", false},
	} {
		if why := verdict(tc.from, tc.imported); (why == "") != tc.ok {
			t.Errorf("%s → %s: %q, want allowed=%v", tc.from, tc.imported, why, tc.ok)
		}
	}
	for _, tc := range []struct {
		from, to string
		ok       bool
	}{
		{"application/backup", "tests/fake", true},
		{"adapters/etcd", "tests/contract", true},
		{"adapters/etcd", "adapters/etcd", true},
		{"adapters/etcd", "adapters/datadir", false},
		{"adapters/objectstore/retry", "adapters/objectstore/local", true},
		{"adapters/objectstore/retry", "adapters/archive/revkeeper", false},
		{"domain/chain", "domain/chain", true},
		{"domain/chain", "tests/fake", false},
	} {
		if why := testVerdict(tc.from, path.Join(module, tc.to)); (why == "") != tc.ok {
			t.Errorf("tests of %s → %s: %q, want allowed=%v", tc.from, tc.to, why, tc.ok)
		}
	}
}
