package etcd

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// The TTL's bounds. Every heartbeat is renewed several times within its TTL, and
// a member that is gone counts as there for as long as it.
const (
	minTTL = 5 * time.Second
	maxTTL = 10 * time.Minute
)

// maxPrefix is the longest prefix, in bytes.
const maxPrefix = 200

// Config says where in etcd the heartbeats are.
type Config struct {
	// Prefix is where the keys begin: "<prefix>/members/<name>". It is made of
	// names between single slashes; one more slash may be in front, and then is
	// part of the keys: "revkeeper", "/ops/revkeeper". The names are printable and
	// without spaces. At most 200 bytes.
	Prefix string `yaml:"prefix"`
	// TTL is how long a heartbeat lives without being renewed: 5 s to 10 min. etcd
	// counts in seconds; a fraction counts as one more.
	TTL time.Duration `yaml:"ttl"`
}

// Validate returns everything that is wrong with c.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	switch detail := badPrefix(c.Prefix); {
	case c.Prefix == "":
		add("prefix", "", "is required", `use "revkeeper"`)
	case detail != "":
		add("prefix", c.Prefix, detail, `use names between single slashes, like "revkeeper" or "/ops/revkeeper"`)
	}
	if c.TTL < minTTL || c.TTL > maxTTL {
		add("ttl", c.TTL.String(), "is out of range", "between "+minTTL.String()+" and "+maxTTL.String())
	}
	return ps
}

// badPrefix returns what is wrong in words, empty if nothing.
func badPrefix(prefix string) string {
	if len(prefix) > maxPrefix {
		return "is too long"
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(prefix, "/"), "/") {
		switch {
		case name == "":
			return "has a slash at its end, or two in a row"
		case !printable(name):
			return "has a character that cannot be printed, or a space"
		}
	}
	return ""
}

// printable reports whether s can be shown as it is and is one word.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || r == ' '
	})
}

// seconds is the TTL as etcd takes it.
func (c Config) seconds() int64 {
	return int64((c.TTL + time.Second - 1) / time.Second)
}
