package gardener

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Keeper implements the reading half of ports.ArchiveKeeper. Whatever would change
// the bucket is Unsupported.
type Keeper struct{ archive *Archive }

var _ ports.ArchiveKeeper = (*Keeper)(nil)

// NewKeeper returns a Keeper over an archive.
func NewKeeper(a *Archive) *Keeper { return &Keeper{archive: a} }

// Outline implements ports.ArchiveKeeper. Names are all there is, so it is the
// catalogue.
func (k *Keeper) Outline(ctx context.Context, _ timeline.Catalogue) (timeline.Catalogue, error) {
	return k.archive.Catalogue(ctx)
}

// ReadBack implements ports.ArchiveKeeper.
func (k *Keeper) ReadBack(ctx context.Context, ref snapshot.Ref) (int64, error) {
	if ref.Kind == snapshot.KindDelta {
		return k.archive.each(ctx, ref, func(record.Record, time.Time) error { return nil })
	}
	body, err := k.archive.open(ctx, ref)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	trailer := etcddb.NewTrailer()
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		trailer.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return body.stored, err
		}
	}
	if _, err := trailer.Check(); err != nil {
		return body.stored, damaged(ref.Key(), err)
	}
	return body.stored, ctx.Err()
}

// Delete implements ports.ArchiveKeeper.
func (k *Keeper) Delete(_ context.Context, refs []snapshot.Ref) []error {
	errs := make([]error, len(refs))
	for i, ref := range refs {
		errs[i] = readOnly("delete", ref)
	}
	return errs
}

// Note implements ports.ArchiveKeeper.
func (k *Keeper) Note(_ context.Context, ref snapshot.Ref, _ snapshot.Note) error {
	return readOnly("note", ref)
}

// Noted implements ports.ArchiveKeeper: there are no notes.
func (k *Keeper) Noted(_ context.Context, ref snapshot.Ref) (snapshot.Note, error) {
	return snapshot.Note{}, readOnly("read note", ref)
}

// Sweep implements ports.ArchiveKeeper.
func (k *Keeper) Sweep(context.Context, time.Time) (int, error) {
	return 0, readOnly("sweep", snapshot.Ref{})
}

func readOnly(op string, ref snapshot.Ref) error {
	return fault.New(fault.Unsupported, op, ref.Object, "backups of "+rule.FormatName+" are only read")
}
