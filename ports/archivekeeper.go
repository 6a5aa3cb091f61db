package ports

import (
	"context"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// ArchiveKeeper tidies a bucket in one format, and keeps what people decided
// about it. It decides nothing itself. All methods are safe for concurrent use and
// end soon after their context does; errors are as those of Archive.
type ArchiveKeeper interface {
	// Outline lists the bucket without the deltas and the descriptions of the
	// timelines that are known: what a catalogue is compared with while it is
	// acted upon. It is not warm.
	Outline(ctx context.Context, known timeline.Catalogue) (timeline.Catalogue, error)

	// ReadBack reads a full or a delta whole and checks it against everything that
	// it and its description say of it. It returns the bytes that were read. What
	// is not as it was written is Corrupt, and so is a full that lacks its
	// description. Memory use is bounded.
	ReadBack(ctx context.Context, ref snapshot.Ref) (bytes int64, err error)

	// Delete deletes objects, several side by side or all at once, and answers for
	// each, in order. One that is not there is no error; one that a lock of the
	// store keeps is Immutable and says until when, where the store does.
	Delete(ctx context.Context, refs []snapshot.Ref) []error

	// Note creates a pin, a mark or a suspicion. One that is there already is as good.
	Note(ctx context.Context, ref snapshot.Ref, note snapshot.Note) error

	// Noted returns what a pin, a mark or a suspicion says to people. One that is not
	// there is NotFound.
	Noted(ctx context.Context, ref snapshot.Ref) (snapshot.Note, error)

	// Sweep removes what uploads left in the store that were never finished and
	// last heard of before a moment. It returns how many; a store that cannot tell
	// has none.
	Sweep(ctx context.Context, before time.Time) (removed int, err error)
}
