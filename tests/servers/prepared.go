package servers

import (
	"fmt"
	"strings"
	"testing"
)

// PrepareEtcd reserves names, addresses and data directories for a cluster of n
// members of a version, and starts nothing: a restore is to make the directories.
func PrepareEtcd(t testing.TB, version string, n int) *Etcd {
	t.Helper()
	e := &Etcd{}
	for i := range n {
		e.Members = append(e.Members, newEtcdMember(t, version, fmt.Sprintf("m%d", i), etcdOptions{scheme: "http"}))
	}
	for _, m := range e.Members {
		m.args = append(m.args, "--initial-cluster", e.InitialCluster(), "--initial-cluster-state", "new")
	}
	return e
}

// InitialCluster is etcd's flag of that name.
func (e *Etcd) InitialCluster() string {
	var initial []string
	for _, m := range e.Members {
		initial = append(initial, m.Name+"="+m.PeerURL)
	}
	return strings.Join(initial, ",")
}
