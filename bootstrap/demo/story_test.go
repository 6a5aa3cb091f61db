package demo

import (
	"slices"
	"testing"
)

// Who stays can copy what is printed: every endpoint that is up, and one that died
// not.
func TestTheInvitationNamesWhatIsUp(t *testing.T) {
	dead := &member{name: "etcd1", endpoint: "http://127.0.0.1:1"}
	s := &story{dir: "/demo", revkeeper: "bin/revkeeper", past: 1018,
		members: without([]*member{dead, {name: "etcd2", endpoint: "http://127.0.0.1:2"}, {name: "etcd3", endpoint: "http://127.0.0.1:3"}}, dead)}
	s.restored = &member{name: "service", endpoint: "http://127.0.0.1:4"}
	want := []string{
		"etcd, which is written to: etcdctl --endpoints http://127.0.0.1:2,http://127.0.0.1:3 get --prefix /registry/ --keys-only",
		"etcd, as it was restored: etcdctl --endpoints http://127.0.0.1:4 get --prefix /registry/ --keys-only",
		"its past: bin/revkeeper get --prefix /registry/ --keys-only --at 1018 --store file:///demo/store",
	}
	if got := s.invitation(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
