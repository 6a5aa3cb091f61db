package wiring

import (
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	others "github.com/revkeeper/revkeeper/application/cluster"
	"github.com/revkeeper/revkeeper/application/role"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/application/status"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/ports"
)

// newPeers reaches other sidecars the way this one is reached.
func newPeers(c httpapi.Config) *client.Client { return client.New(c.Client()) }

func newMembers(r *status.Reporter, c ports.Cluster, where beats, peers *client.Client) *others.Members {
	return others.NewMembers(r, c, where, peers)
}

func newAnnouncer(p *role.Poller, m *others.Members, o ports.Observer) *others.Announcer {
	return others.NewAnnouncer(p, m, o)
}

// newBusy has whoever makes a member busy tell that member's sidecar.
func newBusy(a *others.Announcer) takefull.Busy { return a.Busy }

// maintenance takes announcements about the own member from other sidecars.
type maintenance struct{ poller *role.Poller }

func newMaintenance(p *role.Poller) maintenance { return maintenance{poller: p} }

// Announce implements httpapi.Maintenance.
func (m maintenance) Announce(member cluster.ID, reason string, during time.Duration) (string, error) {
	return m.poller.AnnounceFor(member, reason, during)
}

// Withdraw implements httpapi.Maintenance.
func (m maintenance) Withdraw(id string) { m.poller.Withdraw(id) }
