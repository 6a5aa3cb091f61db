package ports

import (
	"context"
	"time"
)

// StoreKeeper is what an ObjectStore offers beside its own methods to whoever
// tidies it. A store may lack it: then objects are deleted one by one, and what
// aborted uploads left is not swept. Decorators pass it through.
type StoreKeeper interface {
	// DeleteAll removes objects and answers for each of them, in their order, what
	// Delete would. It stops when ctx is done and answers its error for the rest.
	DeleteAll(ctx context.Context, keys []string) []error

	// SweepUploads removes what creates left behind that never ended and were last
	// heard of before a moment, and nothing that anybody else left. It returns how
	// many it removed, also with an error.
	SweepUploads(ctx context.Context, before time.Time) (removed int, err error)
}
