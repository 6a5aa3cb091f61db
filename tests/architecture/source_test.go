package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const maxMethods = 6

// waits are the functions of package time that read a clock or wait.
var waits = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep"}

// file is one parsed non-test file.
type file struct {
	rel  string // of its package
	name string
	set  *token.FileSet
	ast  *ast.File
	text []byte
}

func parseFile(rel, name string, text []byte) (file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments)
	return file{rel: rel, name: name, set: set, ast: tree, text: text}, err
}

func (f file) at(n ast.Node) string {
	return fmt.Sprintf("%s/%s:%d", f.rel, f.name, f.set.Position(n.Pos()).Line)
}

// localName returns how the file calls an imported package, "" if it does not
// import it.
func (f file) localName(importPath string) string {
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil || p != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(p)
	}
	return ""
}

// uses returns where the file names one of a package's members.
func (f file) uses(importPath string, members ...string) []string {
	local := f.localName(importPath)
	if local == "" {
		return nil
	}
	if local == "." {
		return []string{f.at(f.ast) + " imports " + importPath + " with a dot"}
	}
	var out []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(members, sel.Sel.Name) {
			out = append(out, f.at(sel)+" uses "+importPath+"."+sel.Sel.Name)
		}
		return true
	})
	return out
}

// wideInterfaces returns the interfaces with more than maxMethods methods; an
// embedded one counts as one.
func (f file) wideInterfaces() []string {
	var out []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if i, ok := spec.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
			out = append(out, fmt.Sprintf("%s %s has %d methods, at most %d are allowed", f.at(spec), spec.Name.Name, i.Methods.NumFields(), maxMethods))
		}
		return true
	})
	return out
}

// state returns the package-level variables that are neither errors nor
// assertions that a type implements an interface.
func (f file) state() []string {
	var out []string
	for _, decl := range f.ast.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, s := range gen.Specs {
			spec := s.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if name.Name == "_" || isErrorType(spec.Type) || (i < len(spec.Values) && makesError(spec.Values[i])) {
					continue
				}
				out = append(out, f.at(name)+" declares the variable "+name.Name)
			}
		}
	}
	return out
}

func isErrorType(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "error"
}

func makesError(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if sel.Sel.Name == "WithRemedy" {
		return makesError(sel.X)
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "fault.New", "fault.Wrap"}, x.Name+"."+sel.Sel.Name)
}

// broken applies every rule about source to one file.
func broken(f file) []string {
	var out []string
	l := layer(f.rel)
	if ast.IsGenerated(f.ast) || l == "tests" {
		return nil
	}
	if l == "domain" {
		out = append(out, f.uses("time", waits...)...)
	}
	if l == "ports" {
		out = append(out, f.wideInterfaces()...)
	}
	if l == "application" || l == "ports" {
		out = append(out, f.state()...)
	}
	if l != "bootstrap" {
		out = append(out, f.uses("context", "Background", "TODO")...)
	}
	if !strings.HasPrefix(f.rel, "bootstrap/cmd/") {
		out = append(out, f.uses("os", "Exit")...)
	}
	return append(out, f.uses("log", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln")...)
}

func TestSourceKeepsTheRules(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			f, err := parseFile(p.rel(), name, text)
			if err != nil {
				t.Errorf("%s/%s: %v", p.rel(), name, err)
				continue
			}
			for _, b := range broken(f) {
				t.Error(b)
			}
		}
	}
}

func TestPortsStaySmall(t *testing.T) {
	lines, interfaces := 0, 0
	for _, p := range packages(t) {
		if layer(p.rel()) != "ports" {
			continue
		}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			lines += strings.Count(string(text), "\n")
			interfaces += strings.Count(string(text), " interface {\n")
		}
	}
	if interfaces == 0 {
		t.Error("no interface was found")
	}
	t.Logf("ports: %d interfaces in %d lines", interfaces, lines)
}

func TestTheSourceRulesThemselves(t *testing.T) {
	for _, tc := range []struct {
		name, rel, text string
		broken          int
	}{
		{"the domain reads the clock", "domain/x", `import "time"; func f() time.Time { return time.Now() }`, 1},
		{"under another name", "domain/x", `import clock "time"; var f = clock.Now`, 1},
		{"through a dot import", "domain/x", `import . "time"; func f() Time { return Now() }`, 1},
		{"the domain waits", "domain/x", `import "time"; func f() { time.Sleep(1); <-time.After(1); <-time.Tick(1) }`, 3},
		{"the domain may compare instants", "domain/x", `import "time"; func f(a, b time.Time) bool { return a.After(b) || a.Add(time.Second).Before(b) }`, 0},
		{"an adapter may read the clock", "adapters/x", `import "time"; func f() time.Time { return time.Now() }`, 0},
		{"six methods", "ports", `type T interface { A(); B(); C(); D(); E(); F() }`, 0},
		{"seven methods", "ports", `type T interface { A(); B(); C(); D(); E(); F(); G() }`, 1},
		{"seven with an embedded one", "ports", `type T interface { A(); B(); C(); D(); E(); F(); error }`, 1},
		{"the application keeps state", "application/x", `var cache = map[string]int{}`, 1},
		{"in a block", "application/x", `var ( a int; b, c = 1, 2 )`, 3},
		{"the application's errors", "application/x", `import "errors"; var ErrStopped = errors.New("stopped"); var last error`, 0},
		{"with a remedy", "application/x", `import "github.com/revkeeper/revkeeper/domain/fault"; var errFull = fault.New(fault.Unavailable, "", "", "").WithRemedy("")`, 0},
		{"an interface assertion", "application/x", `var _ error = (*T)(nil); type T struct{ error }`, 0},
		{"constants are no state", "application/x", `const limit = 3`, 0},
		{"an adapter makes its own context", "adapters/x", `import "context"; func f() { _ = context.Background() }`, 1},
		{"bootstrap begins the context", "bootstrap/cli", `import "context"; func f() { _ = context.Background() }`, 0},
		{"somebody exits", "bootstrap/cli", `import "os"; func f() { os.Exit(1) }`, 1},
		{"main exits", "bootstrap/cmd/revkeeper", `import "os"; func main() { os.Exit(1) }`, 0},
		{"somebody logs and exits", "adapters/x", `import "log"; func f() { log.Fatalf("x") }`, 1},
	} {
		f, err := parseFile(tc.rel, "x.go", []byte("package x; "+tc.text))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got := broken(f); len(got) != tc.broken {
			t.Errorf("%s: %v, want %d", tc.name, got, tc.broken)
		}
	}
	f, err := parseFile("adapters/x", "x.go", []byte("// Code generated by a tool. DO NOT EDIT.\n\npackage x\nimport \"context\"\nvar c = context.TODO()\n"))
	if err != nil || len(broken(f)) != 0 {
		t.Errorf("generated: %v, %v", broken(f), err)
	}
}
