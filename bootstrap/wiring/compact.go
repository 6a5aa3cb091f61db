package wiring

import (
	"context"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/adapters/objectstore/pace"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// newCompactor gives compaction a way to the store of its own, which is slower
// than the backup's.
func newCompactor(store ports.ObjectStore, c config.Compact, spool config.Spool, sign compact.Sign, o ports.Observer) (*compact.Compactor, error) {
	paced := pace.New(store, int64(c.Bandwidth))
	writer, err := revkeeper.NewWriter(paced, spool.Dir)
	if err != nil {
		return nil, err
	}
	return compact.New(newOwn(revkeeper.New(paced)), writer, writer, datadir.NewBuilder(spool.Dir), fullspool.New(spool.Dir), sign, o), nil
}

func newBuilder(c config.Spool) ports.SnapshotBuilder { return datadir.NewBuilder(c.Dir) }

// leadersSign lets a sidecar compact only while it leads.
func leadersSign(sign backup.Sign) compact.Sign { return compact.Sign(sign) }

// commandsSign signs what a command writes, which no member stands behind.
func commandsSign(c config.Config, b Build) compact.Sign {
	return func(context.Context) (snapshot.Writer, error) {
		return snapshot.Writer{Member: c.Name, Version: b.Version}, nil
	}
}

// newCompactDuty lets the backup know of fulls that were built, so that it does
// not take one from etcd because of deltas that they hold.
func newCompactDuty(c *compact.Compactor, settings config.Compact, b *backup.Backup) (*compact.Duty, error) {
	config, err := settings.Duty()
	if err != nil {
		return nil, err
	}
	config.Built = b.Built
	return compact.NewDuty(c, config), nil
}
