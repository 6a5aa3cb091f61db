package snapshotfile

import (
	"context"
	"crypto/sha256"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Keeper implements ports.ArchiveKeeper for who only reads.
type Keeper struct{ archive *Archive }

var _ ports.ArchiveKeeper = Keeper{}

// NewKeeper returns a Keeper of an archive.
func NewKeeper(a *Archive) Keeper { return Keeper{a} }

// Outline implements ports.ArchiveKeeper.
func (k Keeper) Outline(ctx context.Context, _ timeline.Catalogue) (timeline.Catalogue, error) {
	return k.archive.Catalogue(ctx)
}

// ReadBack implements ports.ArchiveKeeper: the file is read and hashed again.
func (k Keeper) ReadBack(ctx context.Context, ref snapshot.Ref) (int64, error) {
	o, err := k.archive.own(ctx, ref)
	if err != nil {
		return 0, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, reader{ctx, io.NewSectionReader(o.file, 0, o.size)})
	if err != nil {
		return n, err
	}
	if got := record.Digest(hash.Sum(nil)); got != o.sha256 {
		return n, fault.New(fault.Corrupt, "read back", k.archive.path, "it hashes to "+got.String()+", before to "+o.sha256.String())
	}
	return n, nil
}

// Delete implements ports.ArchiveKeeper; it refuses.
func (k Keeper) Delete(_ context.Context, refs []snapshot.Ref) []error {
	errs := make([]error, len(refs))
	for i := range refs {
		errs[i] = k.onlyRead("delete")
	}
	return errs
}

// Note implements ports.ArchiveKeeper; it refuses.
func (k Keeper) Note(context.Context, snapshot.Ref, snapshot.Note) error { return k.onlyRead("note") }

// Noted implements ports.ArchiveKeeper: there are no notes.
func (k Keeper) Noted(context.Context, snapshot.Ref) (snapshot.Note, error) {
	return snapshot.Note{}, k.onlyRead("read note")
}

// Sweep implements ports.ArchiveKeeper; it refuses.
func (k Keeper) Sweep(context.Context, time.Time) (int, error) { return 0, k.onlyRead("sweep") }

func (k Keeper) onlyRead(op string) error {
	return fault.New(fault.Unsupported, op, k.archive.path, "a snapshot file is only read")
}
