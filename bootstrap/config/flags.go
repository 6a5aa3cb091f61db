package config

import (
	"slices"

	"github.com/spf13/pflag"
)

// aliases are the short names of the flags that nearly everybody needs; those
// of etcd's own tools where they have one.
var aliases = map[string]string{
	"endpoint": "etcd.endpoint",
	"cacert":   "etcd.ca",
	"cert":     "etcd.cert",
	"key":      "etcd.key",
	"store":    "store.url",
	"listen":   "http.listen",
}

// Flags holds what was said on the command line.
type Flags struct {
	file   string
	values []*flagValue
}

// Register adds the flags of the settings in scope to fs.
func Register(fs *pflag.FlagSet, scope Scope) *Flags {
	f := &Flags{}
	fs.StringVar(&f.file, "config", "", "YAML file with settings; also "+FileEnv)
	c := Default()
	for _, s := range settings(&c) {
		if !slices.Contains(scope, section(s.path)) {
			continue
		}
		v := &flagValue{setting: s}
		f.values = append(f.values, v)
		add := func(name, usage string) {
			flag := fs.VarPF(named{v, name}, name, "", usage)
			if s.kind() == "bool" {
				flag.NoOptDefVal = "true"
			}
		}
		add(FlagName(s.path), describe(s.path))
		for alias, path := range aliases {
			if path == s.path {
				add(alias, "short for --"+FlagName(s.path))
			}
		}
	}
	return f
}

// flagValue is what flags said of one setting. It is parsed later, so that
// everything that is wrong is told at once.
type flagValue struct {
	setting setting
	text    string
	name    string // of the flag that was used last; empty for none
}

// named is one of the flags of a value.
type named struct {
	*flagValue
	name string
}

// Set implements pflag.Value.
func (n named) Set(text string) error {
	if n.flagValue.name != "" && n.setting.kind() == "list" {
		text = n.text + "," + text
	}
	n.text, n.flagValue.name = text, n.name
	return nil
}

// String implements pflag.Value: the default.
func (n named) String() string {
	if n.flagValue == nil {
		return ""
	}
	if text := n.setting.String(); text != "false" && n.setting.path != "name" && n.setting.path != "spool.dir" {
		return text
	}
	return ""
}

// Type implements pflag.Value.
func (n named) Type() string { return n.setting.kind() }

// flags applies what was said on the command line.
func (l *loader) flags(f *Flags) {
	if f == nil {
		return
	}
	for _, v := range f.values {
		if v.name != "" {
			l.set(l.byPath[v.setting.path], v.text, "flag --"+v.name)
		}
	}
}
