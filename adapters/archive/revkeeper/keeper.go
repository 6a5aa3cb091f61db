package revkeeper

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/bulk"
	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Keeper implements ports.ArchiveKeeper over a store.
type Keeper struct {
	archive *Archive
	store   ports.ObjectStore
	deleted func() // told that objects are gone; may be nil
}

var _ ports.ArchiveKeeper = (*Keeper)(nil)

// NewKeeper returns a Keeper over store. It tells deleted, unless nil, each time
// that objects are gone: whoever remembers a listing must forget it.
func NewKeeper(store ports.ObjectStore, deleted func()) *Keeper {
	return &Keeper{archive: New(store), store: store, deleted: deleted}
}

// afterDeltas follows every delta of a timeline, and afterAll every object of it:
// '0' is the byte after '/'.
func afterDeltas(epoch int) string { return snapshot.TimelinePrefix(epoch) + "delta0" }
func afterAll(epoch int) string {
	prefix := snapshot.TimelinePrefix(epoch)
	return prefix[:len(prefix)-1] + "0"
}

// Outline implements ports.ArchiveKeeper. In a timeline the deltas come first, so
// one listing of what follows them leaves them out.
func (k *Keeper) Outline(ctx context.Context, known timeline.Catalogue) (timeline.Catalogue, error) {
	var objects []timeline.Object
	var err error
	after := ""
	for _, h := range known.Timelines {
		// What comes before this timeline's deltas: timelines that are new.
		if objects, err = k.archive.list(ctx, objects, after, snapshot.TimelinePrefix(h.Epoch)); err != nil {
			return timeline.Catalogue{}, err
		}
		if objects, err = k.archive.list(ctx, objects, afterDeltas(h.Epoch), afterAll(h.Epoch)); err != nil {
			return timeline.Catalogue{}, err
		}
		after = afterAll(h.Epoch)
	}
	if objects, err = k.archive.list(ctx, objects, after, ""); err != nil {
		return timeline.Catalogue{}, err
	}
	return timeline.Catalog(objects), nil
}

// ReadBack implements ports.ArchiveKeeper.
func (k *Keeper) ReadBack(ctx context.Context, ref snapshot.Ref) (int64, error) {
	if ref.Kind == snapshot.KindDelta {
		return k.readDelta(ctx, ref)
	}
	n, err := k.readFull(ctx, ref)
	if err != nil {
		err = named(err, "read back", ref.Key())
	}
	return n, err
}

func (k *Keeper) readDelta(ctx context.Context, ref snapshot.Ref) (int64, error) {
	env, err := k.archive.Envelope(ctx, ref)
	if err != nil {
		return 0, err
	}
	n := env.SegmentBytes()
	for _, err := range k.archive.OpenDelta(ctx, env, ref) {
		if err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

// readFull reads a full once and checks the stored bytes, the plain ones, and the
// digest at their end.
func (k *Keeper) readFull(ctx context.Context, ref snapshot.Ref) (int64, error) {
	m, err := k.archive.Manifest(ctx, ref)
	if errors.Is(err, fault.NotFound) {
		return 0, fault.Wrap(fault.Corrupt, "read description", ref.Manifest().Key(), err)
	}
	if err != nil {
		return 0, err
	}
	stored := &counted{hash: sha256.New()}
	body, err := k.store.Open(ctx, ref.Key(), 0, -1)
	if err != nil {
		return 0, err
	}
	plain, err := k.archive.decompressed(&teed{body, stored}, ref)
	if err != nil {
		return stored.bytes, err
	}
	defer plain.Close()
	trailer := etcddb.NewTrailer()
	buf, size := make([]byte, 256<<10), int64(0)
	for {
		n, err := plain.Read(buf)
		trailer.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return stored.bytes, err
		}
	}
	sum, err := trailer.Check()
	switch {
	case err != nil:
	case size != m.Size || sum != m.SHA256:
		err = differs(ref, fmt.Sprintf("%d bytes with SHA-256 %s", size, sum), fmt.Sprintf("%d with %s", m.Size, m.SHA256))
	case stored.bytes != m.StoredSize || stored.sum() != m.Stored:
		err = differs(ref, fmt.Sprintf("%d stored bytes with SHA-256 %s", stored.bytes, stored.sum()), fmt.Sprintf("%d with %s", m.StoredSize, m.Stored))
	}
	return stored.bytes, err
}

func differs(ref snapshot.Ref, is, says string) error {
	return fault.New(fault.Corrupt, "read full", ref.Key(), fmt.Sprintf("it has %s, its description says %s", is, says))
}

// counted hashes and counts what passes.
type counted struct {
	hash  hash.Hash
	bytes int64
}

func (c *counted) sum() record.Digest { return record.Digest(c.hash.Sum(nil)) }

// teed is a body whose bytes are counted as they are read.
type teed struct {
	io.ReadCloser
	into *counted
}

func (t *teed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.into.hash.Write(p[:n])
	t.into.bytes += int64(n)
	return n, err
}

// Delete implements ports.ArchiveKeeper.
func (k *Keeper) Delete(ctx context.Context, refs []snapshot.Ref) []error {
	keys := make([]string, len(refs))
	for i, ref := range refs {
		keys[i] = ref.Key()
	}
	errs := bulk.Delete(ctx, k.store, keys)
	if k.deleted != nil {
		k.deleted()
	}
	return errs
}

// Note implements ports.ArchiveKeeper.
func (k *Keeper) Note(ctx context.Context, ref snapshot.Ref, note snapshot.Note) error {
	if ref.Kind != snapshot.KindPin && ref.Kind != snapshot.KindMark && ref.Kind != snapshot.KindSuspect {
		return fault.New(fault.Invalid, "note", ref.Key(), "it is no pin, no mark and no suspicion")
	}
	err := createJSON(ctx, k.store, ref.Key(), note)
	if errors.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Noted implements ports.ArchiveKeeper.
func (k *Keeper) Noted(ctx context.Context, ref snapshot.Ref) (note snapshot.Note, err error) {
	return note, k.archive.readJSON(ctx, ref.Key(), &note)
}

// Sweep implements ports.ArchiveKeeper.
func (k *Keeper) Sweep(ctx context.Context, before time.Time) (int, error) {
	if s, ok := k.store.(ports.StoreKeeper); ok {
		return s.SweepUploads(ctx, before)
	}
	return 0, nil
}
