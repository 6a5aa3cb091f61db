package etcd_test

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/tests/contract/watcher"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestWatcherContract(t *testing.T) {
	t.Parallel()
	watcher.Run(t, func(t *testing.T) watcher.Setup {
		e := servers.StartEtcd(t, "etcd37", 3)
		clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
		byID := map[cluster.ID]*servers.EtcdMember{}
		for _, m := range members(t, clients) {
			for _, process := range e.Members {
				if process.Name == m.Name {
					byID[m.ID] = process
				}
			}
		}
		return watcher.Setup{
			Watcher: clients.Watcher,
			Client:  writer(t, clientv3.Config{Endpoints: e.Endpoints()}),
			Database: func(t *testing.T) []record.Record {
				return database(t, clients, caughtUp(t, clients))
			},
			Kill: func(_ *testing.T, m cluster.ID) { byID[m].Kill() },
		}
	})
}
