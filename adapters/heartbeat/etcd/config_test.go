package etcd_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
)

func TestConfig(t *testing.T) {
	const ttl = 20 * time.Second
	for _, tc := range []struct {
		name string
		c    etcd.Config
		bad  string // the keys of the problems
	}{
		{"a name", etcd.Config{Prefix: "revkeeper", TTL: ttl}, ""},
		{"a path", etcd.Config{Prefix: "ops/revkeeper", TTL: ttl}, ""},
		{"a slash in front is part of the keys", etcd.Config{Prefix: "/registry/revkeeper", TTL: ttl}, ""},
		{"letters of any script", etcd.Config{Prefix: "зберігач", TTL: ttl}, ""},
		{"the shortest TTL", etcd.Config{Prefix: "r", TTL: 5 * time.Second}, ""},
		{"the longest TTL", etcd.Config{Prefix: "r", TTL: 10 * time.Minute}, ""},
		{"nothing", etcd.Config{}, "prefix ttl"},
		{"only a slash", etcd.Config{Prefix: "/", TTL: ttl}, "prefix"},
		{"a slash at the end", etcd.Config{Prefix: "revkeeper/", TTL: ttl}, "prefix"},
		{"two slashes in front", etcd.Config{Prefix: "//revkeeper", TTL: ttl}, "prefix"},
		{"two slashes within", etcd.Config{Prefix: "ops//revkeeper", TTL: ttl}, "prefix"},
		{"a space", etcd.Config{Prefix: "rev keeper", TTL: ttl}, "prefix"},
		{"a line break", etcd.Config{Prefix: "revkeeper\n", TTL: ttl}, "prefix"},
		{"a NUL", etcd.Config{Prefix: "\x00", TTL: ttl}, "prefix"},
		{"no UTF-8", etcd.Config{Prefix: "rev\xffkeeper", TTL: ttl}, "prefix"},
		{"endless", etcd.Config{Prefix: strings.Repeat("r", 201), TTL: ttl}, "prefix"},
		{"too short a TTL", etcd.Config{Prefix: "r", TTL: 5*time.Second - 1}, "ttl"},
		{"too long a TTL", etcd.Config{Prefix: "r", TTL: 10*time.Minute + 1}, "ttl"},
		{"a negative TTL", etcd.Config{Prefix: "r", TTL: -time.Minute}, "ttl"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var keys []string
			for _, p := range tc.c.Validate() {
				keys = append(keys, p.Key)
				if p.Detail == "" || p.Remedy == "" {
					t.Errorf("%+v lacks words", p)
				}
			}
			if got := strings.Join(keys, " "); got != tc.bad {
				t.Errorf("problems with %q, want %q", got, tc.bad)
			}
		})
	}
}
