package config

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// maxName is how long a sidecar's name may be: a host name, generously.
const maxName = 255

// validate returns everything that is wrong within scope.
func (c *Config) validate(scope Scope) []fault.Problem {
	var ps []fault.Problem
	for _, s := range []struct {
		name     string
		problems func() []fault.Problem
	}{
		{"name", c.validateName},
		{"etcd", c.Etcd.Validate},
		{"store", c.Store.Validate},
		{"backup", c.Backup.Validate},
		{"retention", c.Retention.Validate},
		{"compact", c.validateCompact},
		{"proof", c.Proof.Validate},
		{"drill", c.Drill.Validate},
		{"role", c.Role.Validate},
		{"heartbeat", c.Heartbeat.Validate},
		{"objective", c.Objective.Validate},
		{"defrag", c.Defrag.Validate},
		{"http", c.HTTP.Validate},
		{"spool", c.Spool.Validate},
		{"log", c.Log.Validate},
		{"shutdown", c.Shutdown.Validate},
	} {
		if slices.Contains(scope, s.name) {
			ps = append(ps, within(s.name, s.problems())...)
		}
	}
	return ps
}

// within makes keys relative to a section absolute.
func within(section string, ps []fault.Problem) []fault.Problem {
	out := slices.Clone(ps)
	for i := range out {
		out[i].Key = strings.TrimSuffix(section+"."+out[i].Key, ".")
		out[i].Value = redact(out[i].Value)
	}
	return out
}

func (c *Config) validateName() []fault.Problem {
	if c.Name != "" && len(c.Name) <= maxName && !strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' }) {
		return nil
	}
	return []fault.Problem{{Detail: "must be one line of 1 to 255 bytes", Remedy: "for example the host's name"}}
}

// Validate returns what is wrong with s, keys relative to its section.
func (s Spool) Validate() []fault.Problem {
	if filepath.IsAbs(s.Dir) {
		return nil
	}
	return []fault.Problem{{Key: "dir", Value: s.Dir, Detail: "is not an absolute path", Remedy: "a directory on a file system with room for a full"}}
}

// Validate returns what is wrong with s, keys relative to its section.
func (s Shutdown) Validate() []fault.Problem {
	if s.Flush >= 0 && s.Flush <= time.Minute {
		return nil
	}
	return []fault.Problem{{Key: "flush", Value: s.Flush.String(), Detail: "is out of range", Remedy: "between 0s and 1m0s"}}
}
