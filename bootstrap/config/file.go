package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// maxFile bounds a configuration file; a larger one is something else.
const maxFile = 1 << 20

// file applies the YAML file at name.
func (l *loader) file(name string) {
	content, err := readFile(name)
	if err != nil {
		l.problem(fault.Problem{Key: "config", Value: name, Detail: err.Error(), Remedy: "name a readable YAML file"})
		return
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) { // an empty file sets nothing
			l.problem(fault.Problem{Key: "config", Value: name, Detail: strings.TrimPrefix(err.Error(), "yaml: "), Remedy: "it must be YAML"})
		}
		return
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.problem(fault.Problem{Key: "config", Value: name, Detail: "holds more than one document", Remedy: "keep one"})
	}
	l.mapping(name, "", doc.Content[0])
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("is larger than %d bytes", maxFile)
	}
	return content, err
}

// mapping applies the keys of the section at path. Values of keys that are not
// known are never repeated: they may be secrets.
func (l *loader) mapping(name, path string, node *yaml.Node) {
	node = resolve(node)
	if empty(node) {
		return
	}
	if node.Kind != yaml.MappingNode {
		l.problem(fault.Problem{Key: orRoot(path), Detail: at(name, node) + ": is a section, not a value",
			Remedy: "put one of " + strings.Join(l.children(path), ", ") + " below it"})
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		full := join(path, key.Value)
		switch {
		case seen[full]:
			l.problem(fault.Problem{Key: full, Detail: at(name, key) + ": is there twice", Remedy: "keep one"})
		case l.byPath[full] != nil:
			l.scalar(name, l.byPath[full], value)
		case len(l.children(full)) > 0:
			l.mapping(name, full, value)
		default:
			l.problem(fault.Problem{Key: full, Detail: at(name, key) + ": is not a setting", Remedy: l.nearest(path, key.Value)})
		}
		seen[full] = true
	}
}

func (l *loader) scalar(name string, s *setting, node *yaml.Node) {
	node = resolve(node)
	text := node.Value
	switch {
	case empty(node):
		return
	case node.Kind == yaml.SequenceNode && s.kind() == "list":
		var items []string
		for _, item := range node.Content {
			items = append(items, resolve(item).Value)
		}
		text = strings.Join(items, ",")
	case node.Kind != yaml.ScalarNode:
		l.problem(fault.Problem{Key: s.path, Detail: at(name, node) + ": is a " + s.kind() + ", not a section or list"})
		return
	}
	l.set(s, text, at(name, node))
}

// nearest is the remedy for an unknown key: a sibling, or else a setting of that
// name elsewhere.
func (l *loader) nearest(path, key string) string {
	remedy := didYouMean(key, l.children(path))
	if strings.HasPrefix(remedy, "did you mean ") {
		return remedy
	}
	for _, s := range l.settings {
		if strings.HasSuffix(s.path, "."+key) {
			return "did you mean " + s.path + "?"
		}
	}
	return remedy
}

// children returns the keys directly below path, nothing if it is no section.
func (l *loader) children(path string) []string {
	var out []string
	for _, s := range l.settings {
		rest, ok := s.path, true
		if path != "" {
			rest, ok = strings.CutPrefix(s.path, path+".")
		}
		name := section(rest)
		if ok && (len(out) == 0 || out[len(out)-1] != name) {
			out = append(out, name)
		}
	}
	return out
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func at(name string, n *yaml.Node) string { return fmt.Sprintf("%s line %d", name, n.Line) }

func orRoot(path string) string {
	if path == "" {
		return "config"
	}
	return path
}
