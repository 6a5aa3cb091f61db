package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/retention"
)

// setting is one leaf of a Config.
type setting struct {
	path  string        // "backup.flush.age"
	value reflect.Value // settable
}

// envPrefix starts every variable that is meant for revkeeper.
const envPrefix = "REVKEEPER_"

// settings returns the leaves of c in the order of their declaration.
func settings(c *Config) []setting {
	return leaves(nil, "", reflect.ValueOf(c).Elem())
}

func leaves(into []setting, path string, v reflect.Value) []setting {
	if v.Kind() != reflect.Struct {
		return append(into, setting{path: path, value: v})
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		into = leaves(into, join(path, name), v.Field(i))
	}
	return into
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// words splits a path where a dot, an underscore or a capital begins a word.
func words(path string) []string {
	var b strings.Builder
	for _, r := range path {
		switch {
		case r == '.' || r == '_':
			b.WriteByte(' ')
		case unicode.IsUpper(r):
			b.WriteByte(' ')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return strings.Fields(b.String())
}

// EnvName returns the variable of the setting at path.
func EnvName(path string) string { return envPrefix + strings.ToUpper(strings.Join(words(path), "_")) }

// FlagName returns the flag of the setting at path, without its dashes.
func FlagName(path string) string { return strings.Join(words(path), "-") }

// kind names what a setting takes, for the help.
func (s setting) kind() string {
	switch s.value.Interface().(type) {
	case time.Duration:
		return "duration"
	case Size:
		return "size"
	case []string:
		return "list"
	case string:
		return "string"
	case bool:
		return "bool"
	default:
		return "number"
	}
}

// String is the value as it would be written. It may hold what must not be
// printed if the operator put it where it does not belong; see shown.
func (s setting) String() string {
	switch v := s.value.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// shown is the value without anything that could be a secret.
func (s setting) shown() string { return redact(s.String()) }

// set parses text into the setting.
func (s setting) set(text string) *fault.Problem {
	bad := func(detail, remedy string) *fault.Problem {
		return &fault.Problem{Key: s.path, Value: redact(text), Detail: detail, Remedy: remedy}
	}
	text = strings.TrimSpace(text)
	switch s.value.Interface().(type) {
	case time.Duration:
		d, err := retention.ParsePeriod(text)
		if err != nil {
			return bad("is not a duration", "a number with a unit, as in 500ms, 5s, 1h30m or 14d")
		}
		s.value.SetInt(int64(d))
	case Size:
		n, err := ParseSize(text)
		if err != nil {
			return bad("is not a size", "a whole number with a unit, as in 64KiB, 8MiB or 1GiB")
		}
		s.value.SetInt(int64(n))
	case int, int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return bad("is not a whole number", "digits only, as in 1000")
		}
		s.value.SetInt(n)
	case bool:
		if text != "true" && text != "false" {
			return bad("is neither true nor false", "true or false")
		}
		s.value.SetBool(text == "true")
	case []string:
		s.value.Set(reflect.ValueOf(splitList(text)))
	default:
		s.value.SetString(text)
	}
	return nil
}

func splitList(text string) []string {
	var out []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// section is the first word of a path.
func section(path string) string {
	first, _, _ := strings.Cut(path, ".")
	return first
}
