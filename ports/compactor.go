package ports

import (
	"context"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// ArchiveCompactor makes larger deltas of those that are stored.
type ArchiveCompactor interface {
	// RollUp puts the segments of deltas, which follow each other and are given
	// with their envelopes, one after the other under one new envelope
	// (snapshot.Join), signed by writer. Nothing is decompressed or changed, and
	// nothing is stored: that is ArchiveWriter.StoreDelta's work, and the same
	// deltas give the same name, whoever joins them. Every byte is compared with
	// its segment's SHA-256; one that is damaged is Corrupt and the error names
	// the object. Memory is bounded: the body is on disk beyond a few MiB. The
	// caller releases the result.
	RollUp(ctx context.Context, parts []snapshot.Envelope, writer snapshot.Writer) (SealedDelta, error)
}
