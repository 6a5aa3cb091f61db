package either

import (
	"context"
	"slices"

	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Keeper implements ports.ArchiveKeeper: it reads objects back in either format,
// and changes none but revkeeper's. Who wants to lists the bucket through an Own.
type Keeper struct {
	ports.ArchiveKeeper // of revkeeper
	theirs              ports.ArchiveKeeper
}

// NewKeeper returns a Keeper over one bucket.
func NewKeeper(own, theirs ports.ArchiveKeeper) Keeper { return Keeper{own, theirs} }

// ReadBack implements ports.ArchiveKeeper.
func (k Keeper) ReadBack(ctx context.Context, ref snapshot.Ref) (int64, error) {
	if ref.Object != "" {
		return k.theirs.ReadBack(ctx, ref)
	}
	return k.ArchiveKeeper.ReadBack(ctx, ref)
}

// Delete implements ports.ArchiveKeeper. Where an object of the other format is
// among them, nothing is deleted.
func (k Keeper) Delete(ctx context.Context, refs []snapshot.Ref) []error {
	if slices.ContainsFunc(refs, func(r snapshot.Ref) bool { return r.Object != "" }) {
		return k.theirs.Delete(ctx, refs)
	}
	return k.ArchiveKeeper.Delete(ctx, refs)
}

// Own is revkeeper's format for who writes or deletes. It refuses to list a bucket
// that holds backups of etcd-backup-restore alone: beside a first object of
// revkeeper they would not be read any more.
type Own struct{ ports.Archive }

// NewOwn returns an Own over a, which reads the bucket as revkeeper's.
func NewOwn(a ports.Archive) Own { return Own{a} }

// Catalogue implements ports.Archive.
func (a Own) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	c, err := a.Archive.Catalogue(ctx)
	if err == nil && rule.Alone(c) {
		err = fault.New(fault.Unsupported, "open bucket", "", "it holds backups of "+rule.FormatName+", which revkeeper reads and never changes").
			WithRemedy("give revkeeper a prefix of its own; list, restore, verify and inspect work on this one")
	}
	return c, err
}
