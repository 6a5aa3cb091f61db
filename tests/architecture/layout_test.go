package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// top is everything that belongs at the top of the module.
var top = []string{
	"api.yaml", "domain", "application", "adapters", "ports", "bootstrap", "tests", "docs",
	"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE",
	"Makefile", "go.mod", "go.sum", ".golangci.yml", ".gitignore", ".ci", ".git",
}

// stray returns the names that neither belong at the top nor are ignored by git.
func stray(names []string, gitignore string) []string {
	var out []string
	for _, name := range names {
		ignored := slices.ContainsFunc(strings.Fields(gitignore), func(pattern string) bool {
			ok, err := filepath.Match(strings.Trim(pattern, "/"), name)
			return ok && err == nil
		})
		if !ignored && !slices.Contains(top, name) {
			out = append(out, name)
		}
	}
	return out
}

func TestTopLevel(t *testing.T) {
	if got := stray([]string{"domain", "bin", "util", "x.prof", "main.go"}, "/bin/\n*.prof\n"); !slices.Equal(got, []string{"util", "main.go"}) {
		t.Errorf("the check finds %v", got)
	}
	ignore, err := os.ReadFile(filepath.Join(root(t), ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, name := range stray(names, string(ignore)) {
		t.Errorf("%s does not belong at the top", name)
	}
}

// quoted finds paths of this repository between backquotes.
var quoted = regexp.MustCompile("`((?:domain|application|adapters|ports|bootstrap|tests|docs|\\.ci)/[^`\\s]*)`")

// named returns the paths that a document names, braces expanded. A placeholder
// (<name>, …) stands for something that is not there.
func named(document string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(document, -1) {
		if p := strings.TrimSuffix(m[1], "/..."); !strings.ContainsAny(p, "<>…") {
			out = append(out, braces(p)...)
		}
	}
	return out
}

// braces expands a/{b,c} as a shell does, without nesting.
func braces(p string) []string {
	open, end := strings.Index(p, "{"), strings.Index(p, "}")
	if open < 0 || end < open {
		return []string{p}
	}
	var out []string
	for _, choice := range strings.Split(p[open+1:end], ",") {
		out = append(out, braces(p[:open]+choice+p[end+1:])...)
	}
	return out
}

// exists reports whether a path is there; it may be a pattern, and may end in
// the name of something in a package: domain/role.Next.
func exists(dir fs.FS, p string) bool {
	p = strings.TrimSuffix(p, "/")
	if found, err := fs.Glob(dir, p); err == nil && len(found) > 0 {
		return true
	}
	slash, dot := strings.LastIndex(p, "/"), strings.LastIndex(p, ".")
	if dot > slash && dot+1 < len(p) && p[dot+1] >= 'A' && p[dot+1] <= 'Z' {
		info, err := fs.Stat(dir, p[:dot])
		return err == nil && info.IsDir()
	}
	return false
}

func TestDocumentsNameWhatExists(t *testing.T) {
	dir := os.DirFS(root(t))
	documents := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	err := fs.WalkDir(dir, "docs", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(p, ".md") {
			documents = append(documents, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range documents {
		text, err := fs.ReadFile(dir, doc)
		if err != nil {
			continue // not written yet
		}
		for _, p := range named(string(text)) {
			if !exists(dir, p) {
				t.Errorf("%s names %s, which does not exist", doc, p)
			}
		}
	}
}

func TestTheDocumentCheckItself(t *testing.T) {
	dir := os.DirFS(root(t))
	text := "`domain/role` `domain/role/` `domain/{role,rôle}/role.go` `domain/role.Next` `domain/role.next` `tests/*/rules_test.go` " +
		"`docs/nowhere.md` `go test ./domain/...` domain/none `timelines/00000001/full` `domain/...` `adapters/<name>` `domain/chain/nothing.go`"
	var missing []string
	for _, p := range named(text) {
		if !exists(dir, p) {
			missing = append(missing, p)
		}
	}
	want := []string{"domain/rôle/role.go", "domain/role.next", "docs/nowhere.md", "domain/chain/nothing.go"}
	if !slices.Equal(missing, want) {
		t.Errorf("missing %q, want %q", missing, want)
	}
}
