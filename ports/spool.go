package ports

import (
	"context"
	"io"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// FullSpool takes a snapshot stream onto local disk, so that the member is not
// held up by the store and the file's own revisions can be read.
type FullSpool interface {
	// Spool reads stream to its end, checks the trailing SHA-256, compresses on
	// the way and reads the facts, among them the digests of the revisions of
	// wanted that it still holds whole. expected is about how many bytes will
	// come, 0 if not known: where the disk is certainly too small for them it
	// refuses at once, as Unavailable. A stream without a valid trailer is Corrupt; a
	// disk that is full is Unavailable. The caller releases the result.
	Spool(ctx context.Context, stream io.Reader, expected int64, wanted chain.Range) (SpooledFull, error)
}

// FullPacker wraps a snapshot whose content is known already.
type FullPacker interface {
	// Pack does what Spool does but for the facts, which the caller has: so the
	// plain snapshot needs no disk. expected is about how many bytes will come. The
	// stream comes from this process, which has just computed the SHA-256 at its
	// end: it is taken, not checked again.
	Pack(ctx context.Context, stream io.Reader, expected int64, facts FullFacts) (SpooledFull, error)
}

// SpooledFull is a checked snapshot on local disk.
type SpooledFull struct {
	Facts       FullFacts
	Compression snapshot.Compression
	Body        io.ReaderAt // as it will be stored
	StoredSize  int64       // bytes of Body
	Stored      record.Digest
	Size        int64 // bytes of the plain snapshot, trailer included
	SHA256      record.Digest
	Release     func() // removes the spool; the holder calls it once
}

// FullFacts is what a snapshot says of itself.
type FullFacts struct {
	Last    int64                   // newest revision it holds
	Compact int64                   // history at and below is gone; 0 if never compacted
	SHA256  record.Digest           // of the database, where the facts are of one that was just read
	Tail    []record.RevisionDigest // of its last revisions, oldest first
	Wanted  []record.RevisionDigest // of the revisions asked for, as far as they are held
	// LiveKeys is about how many keys live at Last: too many only where etcd was in
	// the middle of a compaction. nil where nobody counted.
	LiveKeys *int64
	// Raft is the consistent index and term up to which the database was applied.
	Raft snapshot.Raft
}
