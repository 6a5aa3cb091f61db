package servers

import (
	"testing"
)

// StartRestored starts one etcd of a version on a data directory that a restore
// made for the member "default", and returns its client URL.
func StartRestored(t testing.TB, version, dataDir string) string {
	t.Helper()
	m, err := TryRestored(t, version, dataDir)
	if err != nil {
		t.Fatal(err)
	}
	return m.Endpoint
}

// TryRestored is StartRestored for a directory that etcd may refuse: the error is
// then what it said.
func TryRestored(t testing.TB, version, dataDir string) (*EtcdMember, error) {
	t.Helper()
	m := newEtcdMember(t, version, "default", etcdOptions{scheme: "http"})
	for i, arg := range m.args {
		if arg == "--data-dir" {
			m.args[i+1] = dataDir
		}
	}
	m.DataDir = dataDir
	m.args = append(m.args, "--initial-cluster", m.Name+"="+m.PeerURL)
	m.start()
	return m, m.becomesHealthy()
}
