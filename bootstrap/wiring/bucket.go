package wiring

import (
	"github.com/revkeeper/revkeeper/adapters/archive/either"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/ports"
)

// Bucket is what commands can do with a store alone.
type Bucket struct {
	Store    ports.ObjectStore
	Archive  ports.Archive // in whichever format there is
	Own      either.Own    // for who changes the bucket
	Restorer *restore.Restorer
	Keeper   ports.ArchiveKeeper
}
