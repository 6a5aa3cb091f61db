package ports

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Archive reads a bucket in one format. All methods are safe for concurrent
// use. A missing object is NotFound, one whose bytes are not what was written
// is Corrupt and names the object, a format this build does not know is
// Unsupported.
type Archive interface {
	// Catalogue lists the whole bucket. An empty bucket is an empty catalogue.
	Catalogue(ctx context.Context) (timeline.Catalogue, error)

	// Manifest reads the description of a full. Where none is stored it says what
	// the name does, and sizes and digests of the plain snapshot are zero.
	Manifest(ctx context.Context, full snapshot.Ref) (snapshot.Manifest, error)

	// Envelope reads the description of a delta, without its records. Where none is
	// stored it is made of a reading of the whole.
	Envelope(ctx context.Context, delta snapshot.Ref) (snapshot.Envelope, error)

	// Proof reads a recorded proof.
	Proof(ctx context.Context, ref snapshot.Ref) (proof.Recorded, error)

	// OpenFull streams a full as the plain etcd snapshot: the database followed
	// by its 32-byte SHA-256, which the reader checks. The caller closes it.
	OpenFull(ctx context.Context, full snapshot.Ref) (io.ReadCloser, error)

	// OpenDelta yields a delta's records in order, a block of about 1 MiB at a
	// time. Of a delta that lacks a description env need say no more than its name
	// (snapshot.Named). A block is the caller's to keep. It yields at most one error, as the last pair: Corrupt if any stored byte or the order of revisions is wrong, and
	// then blocks that were yielded before must not be used.
	OpenDelta(ctx context.Context, env snapshot.Envelope, delta snapshot.Ref) iter.Seq2[Block, error]
}

// Block is a run of records of a delta. It may begin or end within a revision.
type Block struct {
	Records []record.Record
	// NotBefore and NotAfter bound the instant at which the changes were seen.
	NotBefore, NotAfter time.Time
}

// ArchiveWriter adds to a bucket. Nothing it stores is ever replaced.
type ArchiveWriter interface {
	// Begin allocates the next epoch for t and stores its description; the first
	// one also marks the bucket's format. It returns t with the epoch set. Of
	// two concurrent writers each gets an epoch of its own.
	Begin(ctx context.Context, t timeline.Timeline) (timeline.Timeline, error)

	// Draft starts a delta that keeps up to memory bytes off the disk. The
	// caller seals or discards it.
	Draft(memory int64) DeltaDraft

	// StoreDelta uploads a sealed delta. That the store holds the same delta
	// already is success.
	StoreDelta(ctx context.Context, d SealedDelta) error

	// StoreFull uploads a spooled full and then its description, which it
	// completes with sizes and digests.
	StoreFull(ctx context.Context, ref snapshot.Ref, m snapshot.Manifest, body SpooledFull) (timeline.Full, error)

	// StoreProof stores what a member answered.
	StoreProof(ctx context.Context, epoch int, p proof.Recorded) error

	// StoreVerified stores what was rebuilt and compared.
	StoreVerified(ctx context.Context, v proof.Verified) error
}

// DeltaDraft is a delta being written. Beside a block of about 1 MiB it holds in
// memory what it was allowed; the rest is on disk. It is not safe for concurrent use.
type DeltaDraft interface {
	// Append adds the next record, seen between notBefore and notAfter. The
	// record's bytes are copied. A record that does not follow the one before is
	// Corrupt.
	Append(r record.Record, notBefore, notAfter time.Time) error

	// Size returns the bytes the draft would store by now, an estimate that
	// never shrinks.
	Size() int64

	// Seal finishes the delta. Of env it fills in ranges, counts, digests,
	// segments, times and the digests of its revisions, which it joins to those
	// of the revisions before that are in env; the caller has set everything else. The draft must end
	// on a whole revision and cannot be used afterwards.
	Seal(env snapshot.Envelope) (SealedDelta, error)

	// Discard releases a draft that will not be sealed.
	Discard()
}

// SealedDelta is a finished delta that is not stored yet.
type SealedDelta struct {
	Ref      snapshot.Ref
	Envelope snapshot.Envelope
	Body     io.ReaderAt
	Size     int64  // bytes
	InMemory int64  // how many of them are held in memory rather than on disk
	Release  func() // frees the body; the holder calls it once
}
