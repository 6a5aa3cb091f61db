// Package snapshotfile reads one etcd snapshot as an archive of its own: a
// timeline with one full. The file is what `etcdctl snapshot save` writes, or a
// full of revkeeper; it may be wrapped in zstd or gzip.
package snapshotfile

import (
	"context"
	"encoding/hex"
	"io"
	"iter"
	"path/filepath"
	"sync"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// FormatName is what a catalogue says of a snapshot file.
const FormatName = "etcd snapshot"

// Archive implements ports.Archive over a file. The file is read and checked once,
// when it is first needed; a wrapped one is unwrapped into a temporary file without
// a name, so that there must be room for it in the system's directory for such
// (TMPDIR). Nothing has to be closed.
type Archive struct {
	path     string
	skipHash bool

	mu     sync.Mutex
	opened *opened
}

var _ ports.Archive = (*Archive)(nil)

// New returns an Archive over the file at path. skipHash takes a file whose
// SHA-256 is missing or wrong; the structure of its database is then walked
// instead, which finds less and takes longer.
func New(path string, skipHash bool) *Archive { return &Archive{path: path, skipHash: skipHash} }

// file returns the checked snapshot. An error is not remembered.
func (a *Archive) file(ctx context.Context) (*opened, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened != nil {
		return a.opened, ctx.Err()
	}
	o, err := open(ctx, a.path, a.skipHash)
	if err == nil {
		a.opened = o
	}
	return o, err
}

// Catalogue implements ports.Archive.
func (a *Archive) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	o, err := a.file(ctx)
	if err != nil {
		return timeline.Catalogue{}, err
	}
	full := timeline.Full{Size: o.stored, Finished: true, Ref: snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1,
		First: o.facts.Compact, Last: o.facts.Last, At: o.at, ID: hex.EncodeToString(o.sha256[:4]), Object: filepath.Base(a.path)}}
	return timeline.Catalogue{
		Format: &snapshot.Format{Format: FormatName, Version: 1},
		Timelines: []timeline.History{{Described: true, Fulls: []timeline.Full{full},
			Timeline: timeline.Timeline{Epoch: 1, First: o.facts.Last, BeganAt: o.at, Reason: "a snapshot file"}}},
	}, nil
}

// Manifest implements ports.Archive with what the database says of itself.
func (a *Archive) Manifest(ctx context.Context, full snapshot.Ref) (snapshot.Manifest, error) {
	o, err := a.own(ctx, full)
	if err != nil {
		return snapshot.Manifest{}, err
	}
	m := snapshot.Manifest{Last: o.facts.Last, Compact: o.facts.Compact, Raft: o.facts.Raft, Auth: o.auth, Tail: o.facts.Tail, TakenAt: o.at,
		Size: o.size + etcddb.DigestSize, SHA256: o.sha256, StoredSize: o.stored}
	if o.etcd.Known() {
		m.EtcdVersion = o.etcd.String()
	}
	return m, nil
}

// OpenFull implements ports.Archive. A file that was taken without its SHA-256
// streams with the one that it has.
func (a *Archive) OpenFull(ctx context.Context, full snapshot.Ref) (io.ReadCloser, error) {
	o, err := a.own(ctx, full)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(o.stream(ctx)), nil
}

// Envelope implements ports.Archive: there is no delta.
func (a *Archive) Envelope(_ context.Context, delta snapshot.Ref) (snapshot.Envelope, error) {
	return snapshot.Envelope{}, a.none("read delta", delta)
}

// Proof implements ports.Archive: there is none.
func (a *Archive) Proof(_ context.Context, ref snapshot.Ref) (proof.Recorded, error) {
	return proof.Recorded{}, a.none("read proof", ref)
}

// OpenDelta implements ports.Archive: there is none.
func (a *Archive) OpenDelta(_ context.Context, _ snapshot.Envelope, delta snapshot.Ref) iter.Seq2[ports.Block, error] {
	return func(yield func(ports.Block, error) bool) { yield(ports.Block{}, a.none("read delta", delta)) }
}

// own returns the snapshot if a reference is of it.
func (a *Archive) own(ctx context.Context, ref snapshot.Ref) (*opened, error) {
	if ref.Kind != snapshot.KindFull || ref.Object != filepath.Base(a.path) {
		return nil, a.none("read full", ref)
	}
	return a.file(ctx)
}

func (a *Archive) none(op string, ref snapshot.Ref) error {
	return fault.New(fault.NotFound, op, ref.Key(), a.path+" is one snapshot and holds nothing else")
}
