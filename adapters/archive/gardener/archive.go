// Package gardener reads backups that gardener/etcd-backup-restore took, and adds
// fulls that it reads.
package gardener

import (
	"context"
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Archive implements ports.Archive over a store whose keys begin with "v2/" or
// "v1/".
type Archive struct {
	store ports.ObjectStore
	event int // bytes of the JSON of one event, at most
}

var _ ports.Archive = (*Archive)(nil)

// New returns an Archive over store, which stays the caller's.
func New(store ports.ObjectStore) *Archive { return &Archive{store, maxEvent} }

// Catalogue implements ports.Archive. It goes by names alone: no object is read.
func (a *Archive) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	var objects []timeline.Object
	for o, err := range a.store.List(ctx, "", "") {
		if err != nil {
			return timeline.Catalogue{}, fmt.Errorf("list the bucket: %w", err)
		}
		objects = append(objects, timeline.Object{Key: o.Key, Size: o.Size})
	}
	return rule.Catalog(objects), nil
}

// Manifest implements ports.Archive with what the name tells: nothing is stored
// beside a full. How large the plain snapshot is, and its digest, are known to who
// reads it.
func (a *Archive) Manifest(ctx context.Context, full snapshot.Ref) (snapshot.Manifest, error) {
	o, err := a.store.Stat(ctx, full.Key())
	if err != nil {
		return snapshot.Manifest{}, err
	}
	return snapshot.Manifest{Last: full.Last, Compact: full.First, StoredSize: o.Size, TakenAt: full.At}, nil
}

// Proof implements ports.Archive: the format has none.
func (a *Archive) Proof(_ context.Context, ref snapshot.Ref) (proof.Recorded, error) {
	return proof.Recorded{}, fault.New(fault.NotFound, "read proof", ref.Key(), "a backup of etcd-backup-restore has none")
}

// OpenFull implements ports.Archive.
func (a *Archive) OpenFull(ctx context.Context, full snapshot.Ref) (io.ReadCloser, error) {
	return a.open(ctx, full)
}
