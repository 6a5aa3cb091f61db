package revkeeper

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/adapters/internal/codec"
	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// rollUpMemory is how much of a roll-up is kept off the disk, in bytes.
const rollUpMemory = 4 << 20

var _ ports.ArchiveCompactor = (*Writer)(nil)

// RollUp implements ports.ArchiveCompactor.
func (w *Writer) RollUp(ctx context.Context, parts []snapshot.Envelope, writer snapshot.Writer) (ports.SealedDelta, error) {
	env, err := snapshot.Join(parts, writer)
	if err != nil {
		return ports.SealedDelta{}, err
	}
	body := spill.New(w.dir, rollUpMemory)
	for _, p := range parts {
		if err := w.copySegments(ctx, body, p); err != nil {
			body.Release()
			return ports.SealedDelta{}, err
		}
	}
	end, err := codec.AppendEnvelope(nil, env)
	if err == nil && int64(len(end)) > codec.MaxEnvelope {
		err = fault.New(fault.Invalid, "roll up deltas", env.Ref().Key(), fmt.Sprintf("its envelope would take %d bytes", len(end)))
	}
	if err == nil {
		_, err = body.Write(end)
	}
	if err != nil {
		body.Release()
		return ports.SealedDelta{}, err
	}
	return ports.SealedDelta{Ref: env.Ref(), Envelope: env, Body: body, Size: body.Size(), InMemory: body.InMemory(), Release: body.Release}, nil
}

// copySegments appends the stored segments of one delta as they are.
func (w *Writer) copySegments(ctx context.Context, into io.Writer, env snapshot.Envelope) error {
	key := env.Ref().Key()
	r, err := w.store.Open(ctx, key, 0, env.SegmentBytes())
	if err != nil {
		return err
	}
	defer r.Close()
	for _, s := range env.Segments {
		stored := sha256.New()
		n, err := io.Copy(io.MultiWriter(into, stored), io.LimitReader(r, s.Length))
		if err != nil {
			return named(err, "read delta", key)
		}
		if n != s.Length || record.Digest(stored.Sum(nil)) != s.SHA256 {
			return named(fault.New(fault.Corrupt, "read segment", "",
				fmt.Sprintf("%d bytes of revisions %d–%d do not have the SHA-256 of their envelope", n, s.First, s.Last)), "read delta", key)
		}
	}
	return nil
}
