package config

import "testing"

func TestNamesFollowFromThePath(t *testing.T) {
	for _, tc := range []struct{ path, env, flag string }{
		{"name", "REVKEEPER_NAME", "name"},
		{"backup.flush.age", "REVKEEPER_BACKUP_FLUSH_AGE", "backup-flush-age"},
		{"backup.full.deltaBytes", "REVKEEPER_BACKUP_FULL_DELTA_BYTES", "backup-full-delta-bytes"},
		{"backup.catchUp", "REVKEEPER_BACKUP_CATCH_UP", "backup-catch-up"},
		{"etcd.ca", "REVKEEPER_ETCD_CA", "etcd-ca"},
		{"store.url", "REVKEEPER_STORE_URL", "store-url"},
	} {
		if got := EnvName(tc.path); got != tc.env {
			t.Errorf("variable of %s = %s, want %s", tc.path, got, tc.env)
		}
		if got := FlagName(tc.path); got != tc.flag {
			t.Errorf("flag of %s = %s, want %s", tc.path, got, tc.flag)
		}
	}
}

// TestEverySetting: each is described, belongs to a scope, can be named in one
// way only, and takes back what it shows.
func TestEverySetting(t *testing.T) {
	c := Default()
	seen := map[string]string{}
	for _, s := range settings(&c) {
		if describe(s.path) == "" {
			t.Errorf("%s is not described", s.path)
		}
		if first := seen[EnvName(s.path)]; first != "" {
			t.Errorf("%s and %s have the same variable", first, s.path)
		}
		seen[EnvName(s.path)] = s.path
		if serviceLink.MatchString(EnvName(s.path)) {
			t.Errorf("the variable of %s looks like one of Kubernetes", s.path)
		}
		found := false
		for _, name := range Everything {
			found = found || name == section(s.path)
		}
		if !found {
			t.Errorf("%s is in no scope", s.path)
		}
		if p := s.set(s.String()); p != nil {
			t.Errorf("%s does not take its own default: %v", s.path, p)
		}
	}
	if len(seen) != len(about) {
		t.Errorf("%d settings, %d descriptions", len(seen), len(about))
	}
}

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Size
		back string
	}{
		{"0", 0, "0"},
		{"1000", 1000, "1000"},
		{"8MiB", 8 * MiB, "8MiB"},
		{"8 mib", 8 * MiB, "8MiB"},
		{"512B", 512, "512"},
		{"1GB", 1e9, "1000000000"},
		{"1024KiB", MiB, "1MiB"},
		{"-1KiB", -KiB, "-1KiB"},
	} {
		got, err := ParseSize(tc.text)
		if err != nil || got != tc.want || got.String() != tc.back {
			t.Errorf("ParseSize(%q) = %d (%s), %v; want %d (%s)", tc.text, got, got, err, tc.want, tc.back)
		}
	}
	for _, bad := range []string{"", "MiB", "1.5GiB", "x", "9223372036854775807KiB", "1 2"} {
		if n, err := ParseSize(bad); err == nil {
			t.Errorf("ParseSize(%q) = %d", bad, n)
		}
	}
}
