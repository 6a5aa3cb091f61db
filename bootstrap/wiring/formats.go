package wiring

import (
	"github.com/revkeeper/revkeeper/adapters/archive/either"
	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/ports"
)

func newEither(own *revkeeper.Archive, theirs *gardener.Archive, o ports.Observer) *either.Archive {
	return either.New(own, theirs, o)
}

func newEitherKeeper(store ports.ObjectStore, theirs *gardener.Archive) either.Keeper {
	return either.NewKeeper(newColdKeeper(store), gardener.NewKeeper(theirs))
}

func newOwn(own *revkeeper.Archive) either.Own { return either.NewOwn(own) }

func newOwnWarm(own *revkeeper.Warm) either.Own { return either.NewOwn(own) }
