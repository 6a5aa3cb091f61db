package revkeeper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/codec"
	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// errStopped ends a delta whose consumer has had enough.
var errStopped = errors.New("consumer stopped")

// OpenDelta implements ports.Archive.
func (a *Archive) OpenDelta(ctx context.Context, env snapshot.Envelope, delta snapshot.Ref) iter.Seq2[ports.Block, error] {
	return func(yield func(ports.Block, error) bool) {
		err := a.eachBlock(ctx, env, delta.Key(), func(b ports.Block) error {
			if !yield(b, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(ports.Block{}, named(err, "read delta", delta.Key()))
		}
	}
}

func (a *Archive) eachBlock(ctx context.Context, env snapshot.Envelope, key string, visit func(ports.Block) error) error {
	dec, err := zframe.NewDecoder()
	if err != nil {
		return fault.Wrap(fault.Internal, "decompress", "", err)
	}
	defer dec.Close()
	body, err := a.store.Open(ctx, key, 0, env.SegmentBytes())
	if err != nil {
		return err
	}
	defer body.Close()
	for _, seg := range env.Segments {
		err := codec.ReadSegment(body, seg, dec, func(recs []record.Record, notBefore, notAfter time.Time) error {
			return visit(ports.Block{Records: recs, NotBefore: notBefore, NotAfter: notAfter})
		})
		if err != nil {
			return err
		}
	}
	if env.Digest != snapshot.DeltaDigest(env.Segments) {
		return fault.New(fault.Corrupt, "check digest", "",
			fmt.Sprintf("the segments' digests give %s, the envelope says %s", snapshot.DeltaDigest(env.Segments), env.Digest))
	}
	// A body that goes on after its last segment was never written by us.
	if n, _ := body.Read(make([]byte, 1)); n > 0 {
		return fault.New(fault.Corrupt, "read segment", "", "bytes after the last segment")
	}
	return nil
}
