// Package voters gives tests of the etcd heartbeats what bootstrap/wiring gives
// them: the voters of adapters/etcd. The heartbeats' own package must not know
// that one.
package voters

import (
	"log/slog"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/etcd"
)

// Config says how to reach etcd.
type Config = etcd.Config

// Dial returns the voters of a cluster as a sidecar asks them. They are closed
// when the test ends.
func Dial(t testing.TB, c Config) *etcd.Voters {
	t.Helper()
	clients, err := etcd.Dial(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clients.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return clients.Voters
}
