package config

import (
	"bytes"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// YAML returns the whole configuration as a file that would give it, each
// setting with its description. Nothing in it is a secret.
func (l Loaded) YAML() (string, error) {
	shown := l.Config
	for _, s := range settings(&shown) {
		switch v := s.value.Interface().(type) {
		case string:
			s.value.SetString(redact(v))
		case []string:
			// A new slice: the old one is shared with the configuration in use.
			clean := make([]string, len(v))
			for i := range v {
				clean[i] = redact(v[i])
			}
			s.value.Set(reflect.ValueOf(clean))
		}
	}
	var root yaml.Node
	if err := root.Encode(shown); err != nil {
		return "", fault.Wrap(fault.Internal, "write configuration", "", err)
	}
	comment(&root, "")
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return "", fault.Wrap(fault.Internal, "write configuration", "", err)
	}
	return out.String(), encoder.Close()
}

func comment(section *yaml.Node, path string) {
	for i := 0; i+1 < len(section.Content); i += 2 {
		key, value := section.Content[i], section.Content[i+1]
		full := join(path, key.Value)
		if value.Kind == yaml.MappingNode {
			comment(value, full)
			continue
		}
		key.HeadComment = describe(full)
	}
}
