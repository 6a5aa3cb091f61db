// Package either reads a bucket of revkeeper or of etcd-backup-restore, whichever
// it is, through an archive for each.
package either

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/revkeeper/revkeeper/domain/event"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Archive implements ports.Archive over a bucket in either format. Which it is
// shows in its listing; from then on each object says it by its reference, so
// nothing is remembered and nobody is asked beforehand.
type Archive struct {
	own     ports.Archive
	theirs  ports.Archive
	observe ports.Observer
}

var _ ports.Archive = (*Archive)(nil)

// New returns an Archive over one bucket: own reads it as revkeeper's, theirs as
// etcd-backup-restore's.
func New(own, theirs ports.Archive, o ports.Observer) *Archive { return &Archive{own, theirs, o} }

// Catalogue implements ports.Archive. Where both formats are, revkeeper's counts.
func (a *Archive) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
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
func (a *Archive) of(ref snapshot.Ref) ports.Archive {
	if ref.Object != "" {
		return a.theirs
	}
	return a.own
}

// Manifest implements ports.Archive.
func (a *Archive) Manifest(ctx context.Context, ref snapshot.Ref) (snapshot.Manifest, error) {
	return a.of(ref).Manifest(ctx, ref)
}

// Envelope implements ports.Archive.
func (a *Archive) Envelope(ctx context.Context, ref snapshot.Ref) (snapshot.Envelope, error) {
	return a.of(ref).Envelope(ctx, ref)
}

// Proof implements ports.Archive.
func (a *Archive) Proof(ctx context.Context, ref snapshot.Ref) (proof.Recorded, error) {
	return a.of(ref).Proof(ctx, ref)
}

// OpenFull implements ports.Archive.
func (a *Archive) OpenFull(ctx context.Context, ref snapshot.Ref) (io.ReadCloser, error) {
	return a.of(ref).OpenFull(ctx, ref)
}

// OpenDelta implements ports.Archive.
func (a *Archive) OpenDelta(ctx context.Context, env snapshot.Envelope, ref snapshot.Ref) iter.Seq2[ports.Block, error] {
	return a.of(ref).OpenDelta(ctx, env, ref)
}
