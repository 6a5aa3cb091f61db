package wiring

import (
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/objectstore/pace"
	"github.com/revkeeper/revkeeper/application/backup"
	others "github.com/revkeeper/revkeeper/application/cluster"
	"github.com/revkeeper/revkeeper/application/drill"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/ports"
)

// newDriller gives drills a way to the store of their own, which is slower than the
// backup's.
func newDriller(store ports.ObjectStore, c config.Drill, spool config.Spool, o ports.Observer) *drill.Driller {
	return drill.NewDriller(revkeeper.New(pace.New(store, int64(c.Bandwidth))), datadir.NewBuilder(spool.Dir), o)
}

func newPlace(m *others.Members, d *drill.Driller, c config.Config, o ports.Observer) *drill.Place {
	return drill.NewPlace(m, d, c.Name, o)
}

func newDrillConfig(c config.Drill) (drill.Config, error) { return c.Duty() }

// drillsSign lets a sidecar write down what a drill showed only while it leads.
func drillsSign(sign backup.Sign) drill.Sign { return drill.Sign(sign) }
