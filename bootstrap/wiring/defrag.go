package wiring

import (
	"context"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/backup"
	others "github.com/revkeeper/revkeeper/application/cluster"
	"github.com/revkeeper/revkeeper/application/defrag"
	"github.com/revkeeper/revkeeper/application/role"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/application/status"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/ports"
)

func newDefragConfig(c config.Defrag) (defrag.Config, error) { return c.Duty() }

// newDefrag puts the duty together with what it asks of the backup.
func newDefrag(c defrag.Config, cl ports.Cluster, e *etcd.Defragmenter, t *takefull.Taker, a *others.Announcer,
	p *role.Poller, r *status.Reporter, b *backup.Backup, o ports.Observer) *defrag.Defrag {
	own := defrag.Own{
		Status: func() cluster.Status { return p.Now().Status },
		Backup: func() string {
			if fresh := r.View().Fresh; !fresh.Fresh {
				return fresh.Reason
			}
			return ""
		},
		Store: func(ctx context.Context) error {
			_, err := b.TakeDelta(ctx)
			return err
		},
	}
	return defrag.New(c, cl, e, t, a, own, o)
}
