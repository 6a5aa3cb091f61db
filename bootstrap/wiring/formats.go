package wiring

import (
	"context"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// anyArchive reads a bucket of revkeeper or of etcd-backup-restore. Which it is
// shows in its listing; from then on each object says it by its reference, so
// nothing is remembered and nobody is asked beforehand.
type anyArchive struct {
	own     ports.Archive
	theirs  ports.Archive
	observe ports.Observer
}

func newAnyArchive(own *revkeeper.Archive, theirs *gardener.Archive, o ports.Observer) *anyArchive {
	return &anyArchive{own, theirs, o}
}

// Catalogue implements ports.Archive. Where both formats are, revkeeper's counts.
func (a *anyArchive) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	c, err := a.own.Catalogue(ctx)
	switch {
	case err != nil:
		return c, err
	case rule.Alone(c):
		return a.theirs.Catalogue(ctx)
	case rule.Beside(c):
		a.observe.Observe(event.Event{At: time.Now(), Kind: event.ForeignObject, Level: event.Warn,
			Message: "the store also holds backups of " + rule.FormatName + ", which are not read beside those of revkeeper; copy them to a prefix of their own to use them"})
	}
	return c, nil
}

// of returns the archive that reads an object.
func (a *anyArchive) of(ref snapshot.Ref) ports.Archive {
	if ref.Object != "" {
		return a.theirs
	}
	return a.own
}

func (a *anyArchive) Manifest(ctx context.Context, ref snapshot.Ref) (snapshot.Manifest, error) {
	return a.of(ref).Manifest(ctx, ref)
}

func (a *anyArchive) Envelope(ctx context.Context, ref snapshot.Ref) (snapshot.Envelope, error) {
	return a.of(ref).Envelope(ctx, ref)
}

func (a *anyArchive) Proof(ctx context.Context, ref snapshot.Ref) (proof.Recorded, error) {
	return a.of(ref).Proof(ctx, ref)
}

func (a *anyArchive) OpenFull(ctx context.Context, ref snapshot.Ref) (io.ReadCloser, error) {
	return a.of(ref).OpenFull(ctx, ref)
}

func (a *anyArchive) OpenDelta(ctx context.Context, env snapshot.Envelope, ref snapshot.Ref) iter.Seq2[ports.Block, error] {
	return a.of(ref).OpenDelta(ctx, env, ref)
}

// anyKeeper reads objects back in either format, and changes none but revkeeper's:
// who wants to lists the bucket through an ownArchive.
type anyKeeper struct {
	*revkeeper.Keeper
	theirs *gardener.Keeper
}

func newAnyKeeper(store ports.ObjectStore, theirs *gardener.Archive) anyKeeper {
	return anyKeeper{newColdKeeper(store), gardener.NewKeeper(theirs)}
}

func (k anyKeeper) ReadBack(ctx context.Context, ref snapshot.Ref) (int64, error) {
	if ref.Object != "" {
		return k.theirs.ReadBack(ctx, ref)
	}
	return k.Keeper.ReadBack(ctx, ref)
}

func (k anyKeeper) Delete(ctx context.Context, refs []snapshot.Ref) []error {
	if slices.ContainsFunc(refs, func(r snapshot.Ref) bool { return r.Object != "" }) {
		return k.theirs.Delete(ctx, refs)
	}
	return k.Keeper.Delete(ctx, refs)
}

// ownArchive is revkeeper's format for who writes or deletes. It refuses to list a
// bucket that holds backups of etcd-backup-restore alone: beside a first object of
// revkeeper they would not be read any more.
type ownArchive struct{ ports.Archive }

func newOwnArchive(own *revkeeper.Archive) ownArchive { return ownArchive{own} }

func newOwnWarmArchive(own *revkeeper.Warm) ownArchive { return ownArchive{own} }

// Catalogue implements ports.Archive.
func (a ownArchive) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	c, err := a.Archive.Catalogue(ctx)
	if err == nil && rule.Alone(c) {
		err = fault.New(fault.Unsupported, "open bucket", "", "it holds backups of "+rule.FormatName+", which revkeeper reads and never changes").
			WithRemedy("give revkeeper a prefix of its own; list, restore, verify and inspect work on this one")
	}
	return c, err
}
