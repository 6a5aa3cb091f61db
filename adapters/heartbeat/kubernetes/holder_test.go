package kubernetes

import (
	"testing"
	"time"
)

func TestHoldersAreReadAsEtcdDruidDoes(t *testing.T) {
	for text, want := range map[string]holder{
		"8e9e05c52164694d:cdf818194e3a8c32:Leader": {member: 0x8e9e05c52164694d, cluster: 0xcdf818194e3a8c32, leader: true},
		"8e9e05c52164694d:cdf818194e3a8c32:Member": {member: 0x8e9e05c52164694d, cluster: 0xcdf818194e3a8c32},
		"a:Leader": {member: 0xa, leader: true},
		"a:Member": {member: 0xa},
	} {
		if got, ok := parseHolder(&text); !ok || got != want {
			t.Errorf("%s is %+v, %v", text, got, ok)
		}
		if want.cluster != 0 && want.String() != text {
			t.Errorf("%s is written %s", text, want)
		}
	}
	for _, text := range []string{"", "a", "Leader", "a:b", "a:b:Learner", "a:b:c:Leader", "x:b:Leader", "0:b:Leader", ":b:Leader",
		"-1:b:Leader", "11111111111111111:b:Leader", "node-1_1b2c"} {
		if got, ok := parseHolder(&text); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
	if got, ok := parseHolder(nil); ok {
		t.Errorf("nobody is %+v", got)
	}
}

func TestTheOlderFormNamesNoCluster(t *testing.T) {
	for _, tc := range []struct {
		by   holder
		same bool
	}{
		{holder{member: 1, cluster: 2}, true},
		{holder{member: 1}, true},
		{holder{member: 1, cluster: 3}, false},
		{holder{member: 3}, false},
	} {
		if got := tc.by.same(1, 2); got != tc.same {
			t.Errorf("%+v: %v", tc.by, got)
		}
	}
}

func TestAge(t *testing.T) {
	const ttl = 20 * time.Second
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name    string
		renewed time.Duration // before now
		want    time.Duration
	}{
		{"just now", 0, 0},
		{"a while ago", 7 * time.Second, 7 * time.Second},
		{"by a clock that is a little ahead", -3 * time.Second, 0},
		{"by a clock that is a day ahead: no sign of life", -24 * time.Hour, 24 * time.Hour},
		{"ahead by the whole TTL", -ttl, ttl},
	} {
		if got := age(now.Add(-tc.renewed), now, ttl); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
