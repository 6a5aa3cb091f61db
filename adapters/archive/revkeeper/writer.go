package revkeeper

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/internal/codec"
	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Writer implements ports.ArchiveWriter over a store.
type Writer struct {
	archive *Archive
	store   ports.ObjectStore
	dir     string
	enc     *zstd.Encoder
}

var _ ports.ArchiveWriter = (*Writer)(nil)

// NewWriter returns a Writer over store that spools what does not fit into
// memory under dir.
func NewWriter(store ports.ObjectStore, dir string) (*Writer, error) {
	enc, err := zframe.NewEncoder(1)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "make encoder", "", err)
	}
	return &Writer{archive: New(store), store: store, dir: dir, enc: enc}, nil
}

// Begin implements ports.ArchiveWriter.
func (w *Writer) Begin(ctx context.Context, t timeline.Timeline) (timeline.Timeline, error) {
	if at := w.store.Capabilities(); !at.AtomicCreate {
		return t, fault.New(fault.Unsupported, "begin timeline", at.Location, "the store cannot create an object only if it is absent, so two leaders could take one timeline").
			WithRemedy("use a store with conditional puts (If-None-Match)")
	}
	if err := w.markFormat(ctx, t.BeganAt); err != nil {
		return t, err
	}
	c, err := w.archive.Catalogue(ctx)
	if err != nil {
		return t, err
	}
	if newest := c.Newest(); newest != nil {
		t.Epoch = newest.Epoch
	}
	// Whoever creates timeline.json owns the epoch; the other takes the next.
	const tries = 16
	for range tries {
		t.Epoch++
		ref := snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: t.Epoch}
		err := createJSON(ctx, w.store, ref.Key(), t)
		if err == nil || !errors.Is(err, fault.Conflict) {
			return t, err
		}
	}
	return t, fault.New(fault.Conflict, "begin timeline", "", fmt.Sprintf("%d epochs in a row were taken by others", tries))
}

// markFormat creates format.json, or checks the one that is there.
func (w *Writer) markFormat(ctx context.Context, now time.Time) error {
	f := snapshot.Format{Format: snapshot.FormatName, Version: snapshot.FormatVersion, Created: now.UTC()}
	err := createJSON(ctx, w.store, snapshot.FormatKey, f)
	if errors.Is(err, fault.Conflict) {
		_, err = w.archive.format(ctx)
	}
	return err
}

// StoreFull implements ports.ArchiveWriter.
func (w *Writer) StoreFull(ctx context.Context, ref snapshot.Ref, m snapshot.Manifest, body ports.SpooledFull) (timeline.Full, error) {
	var id [4]byte
	_, _ = rand.Read(id[:])
	ref.Kind, ref.ID, ref.Compression = snapshot.KindFull, hex.EncodeToString(id[:]), body.Compression
	ref.Last, ref.First = body.Facts.Last, body.Facts.Compact
	m.Last, m.Compact, m.Tail = body.Facts.Last, body.Facts.Compact, body.Facts.Tail
	m.Size, m.SHA256, m.StoredSize, m.Stored = body.Size, body.SHA256, body.StoredSize, body.Stored
	m.LiveKeys = body.Facts.LiveKeys
	if m.Raft == (snapshot.Raft{}) {
		m.Raft = body.Facts.Raft
	}
	full := timeline.Full{Ref: ref, Size: body.StoredSize, Finished: true}
	if err := w.store.Create(ctx, ref.Key(), body.Body, body.StoredSize); err != nil {
		return full, err
	}
	return full, createJSON(ctx, w.store, ref.Manifest().Key(), m)
}

// StoreProof implements ports.ArchiveWriter.
func (w *Writer) StoreProof(ctx context.Context, epoch int, p proof.Recorded) error {
	ref := snapshot.Ref{Kind: snapshot.KindProof, Epoch: epoch, Last: p.Revision, At: p.RecordedAt}
	return createJSON(ctx, w.store, ref.Key(), p)
}

// StoreVerified implements ports.ArchiveWriter.
func (w *Writer) StoreVerified(ctx context.Context, v proof.Verified) error {
	ref := snapshot.Ref{Kind: snapshot.KindVerified, Epoch: v.Timeline, Last: v.Revision, At: v.VerifiedAt}
	return createJSON(ctx, w.store, ref.Key(), v)
}

// StoreDelta implements ports.ArchiveWriter. The key carries the content's
// digest and the instant of sealing, so an object of that name is this one.
func (w *Writer) StoreDelta(ctx context.Context, d ports.SealedDelta) error {
	err := w.store.Create(ctx, d.Ref.Key(), d.Body, d.Size)
	if !errors.Is(err, fault.Conflict) {
		return err
	}
	env, readErr := w.archive.Envelope(ctx, d.Ref)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if env.Digest != d.Envelope.Digest {
		return fault.New(fault.Diverged, "store delta", d.Ref.Key(), "the store holds another delta under this name")
	}
	return nil
}

// createJSON stores a small object; nothing is replaced.
func createJSON(ctx context.Context, store ports.ObjectStore, key string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Internal, "write", key, err)
	}
	text = append(text, '\n')
	return store.Create(ctx, key, bytes.NewReader(text), int64(len(text)))
}

// Draft implements ports.ArchiveWriter.
func (w *Writer) Draft(memory int64) ports.DeltaDraft {
	body := spill.New(w.dir, int(memory))
	return &draft{body: body, segment: codec.NewSegmentWriter(body, 0, w.enc)}
}

// draft implements ports.DeltaDraft with one segment.
type draft struct {
	body    *spill.Buffer
	segment *codec.SegmentWriter
}

func (d *draft) Append(r record.Record, notBefore, notAfter time.Time) error {
	return d.segment.Append(r, notBefore, notAfter)
}

func (d *draft) Size() int64 { return d.segment.Size() }

func (d *draft) Discard() {
	_ = d.segment.Stop() // what could not be written is not wanted
	d.body.Release()
}

func (d *draft) Seal(env snapshot.Envelope) (ports.SealedDelta, error) {
	seg, times, tail, err := d.segment.Finish()
	if err != nil {
		return ports.SealedDelta{}, err
	}
	env.First, env.Last, env.Records = seg.First, seg.Last, seg.Records
	env.Segments, env.Times, env.Tail = []snapshot.Segment{seg}, times, record.JoinTails(env.Tail, tail)
	env.Digest = snapshot.DeltaDigest(env.Segments)
	end, err := codec.AppendEnvelope(nil, env)
	if err != nil {
		return ports.SealedDelta{}, err
	}
	if _, err := d.body.Write(end); err != nil {
		return ports.SealedDelta{}, err
	}
	return ports.SealedDelta{Ref: env.Ref(), Envelope: env, Body: d.body, Size: d.body.Size(),
		InMemory: d.body.InMemory(), Release: d.body.Release}, nil
}
