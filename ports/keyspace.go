package ports

import (
	"context"

	"github.com/revkeeper/revkeeper/domain/extract"
)

// Keyspace reads and writes single keys of a live cluster, through its voters.
// Every call ends with ctx and reports an unreachable cluster, or one without a
// quorum, as Unavailable.
type Keyspace interface {
	// Look returns what keys were at a revision, in their order; revision 0 is now.
	// A revision that was compacted is NotFound. The caller asks for few at a time:
	// all their values are in the answer.
	Look(ctx context.Context, keys [][]byte, revision int64) ([]extract.Live, error)

	// Put carries out writes in one transaction, each only if its key is as the
	// write says, and returns which were. revision is the one that they made, or the
	// cluster's if none was carried out. It is asked once: if the connection broke,
	// the error is Unavailable and what came of it is not known. There are at most
	// extract.MaxPuts writes, of different keys. More bytes than the cluster takes in a
	// request are extract.ErrTooLarge, and nothing was written.
	Put(ctx context.Context, puts []extract.Put) (done []bool, revision int64, err error)

	// Grant makes a lease with an id and a TTL in seconds. One that exists stays as
	// it is and is no error.
	Grant(ctx context.Context, id, ttl int64) error
}
