package ports

import (
	"context"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// Member is the etcd member that the sidecar stands beside, over a connection
// of its own, so that no other traffic delays the role poll.
type Member interface {
	// Status asks the own endpoint and no other. It ends with ctx: a hanging
	// member gives context.DeadlineExceeded inside Unavailable, one that refuses
	// Unavailable without it, refused credentials Unauthorized.
	Status(ctx context.Context) (cluster.Status, error)
}

// Cluster asks the cluster through its voters. Every call ends with ctx and
// reports an unreachable cluster, or one without a quorum, as Unavailable.
type Cluster interface {
	// Head returns where the live history is: the revision is linearizable, the
	// compact revision is of the member that answered and may be behind others'.
	Head(ctx context.Context) (chain.Head, error)

	// Members returns the member list.
	Members(ctx context.Context) ([]cluster.Member, error)

	// MemberStatus asks one member.
	MemberStatus(ctx context.Context, m cluster.Member) (cluster.Status, error)

	// Auth returns whether authentication is on and its revision. Each call is a
	// raft proposal: callers ask seldom.
	Auth(ctx context.Context) (snapshot.Auth, error)

	// LeaseTTL returns what the cluster knows of a lease: granted with its TTL
	// in seconds, or gone.
	LeaseTTL(ctx context.Context, id int64) (snapshot.Lease, error)

	// Promote gives a learner a vote. It is Unavailable while etcd finds that the
	// learner has not caught up, NotFound if there is no such member, Conflict if
	// it votes already.
	Promote(ctx context.Context, learner cluster.ID) error
}

// Maintenance is what a single member is asked to do.
type Maintenance interface {
	// Snapshot streams the member's database followed by its 32-byte SHA-256,
	// as etcd sends it. While the stream is open the member keeps every page of
	// that moment: read it at line rate. The caller closes it; cancelling ctx
	// breaks it. A stream that breaks returns an error, never io.EOF.
	Snapshot(ctx context.Context, m cluster.Member) (io.ReadCloser, error)

	// HashKV returns the member's hash at revision, which it must have applied:
	// Unavailable if it has not yet, NotFound if it was compacted.
	HashKV(ctx context.Context, m cluster.Member, revision int64) (proof.Hash, error)
}

// Defragmenter does to members what takes them out of service for a while, and
// what goes with it. Every call ends with ctx; a member or cluster that cannot be
// reached is Unavailable.
type Defragmenter interface {
	// Defragment has a member write its database anew, without the free pages. It
	// returns when the member is done, which answers nothing until then. It is
	// asked once: where the connection broke, what came of it is not known. A ctx
	// that ends before does not stop the member, only the waiting.
	Defragment(ctx context.Context, m cluster.Member) error

	// MoveLeader has the member that leads give the lead to a voter and returns
	// when that has it. It is asked once, too. Conflict if the member does not lead.
	MoveLeader(ctx context.Context, leader cluster.Member, to cluster.ID) error

	// Alarms returns the alarms that hold.
	Alarms(ctx context.Context) ([]cluster.Alarm, error)

	// Disarm ends an alarm; one that does not hold is no error.
	Disarm(ctx context.Context, a cluster.Alarm) error
}

// Watcher opens watches on the whole keyspace.
type Watcher interface {
	// Watch starts at revision from, through one voter. It returns once that
	// member has accepted the watch, with NotFound if from was compacted. The
	// caller closes the watch.
	Watch(ctx context.Context, from int64) (Watch, error)
}

// Watch is one stream from one member. It is not safe for concurrent use, but
// for Close, which ends a waiting Next.
type Watch interface {
	// Next blocks for the next changes. Every error is final: NotFound if the
	// history was compacted away, Unavailable if the stream broke or the member
	// lost its leader, the context's error if the watch's ctx ended.
	Next() (Changes, error)

	// CompactRevision returns the compact revision of the same member that
	// serves the watch, 0 if never compacted.
	CompactRevision(ctx context.Context) (int64, error)

	// Member returns the member that serves the watch.
	Member() cluster.ID

	// Close ends the stream and releases what it holds. It may be called twice.
	Close()
}

// Changes is one response of a watch, or a fragment of one.
type Changes struct {
	// Records in (main, sub) order, exactly as the database keeps them. They and
	// their bytes are valid until the next call of Next. Never empty.
	Records []record.Record
	// Header is the member's revision when it sent the response.
	Header int64
	// RaftTerm of the member at that time.
	RaftTerm uint64
	// Open is true for a fragment that more of the same response follows: the
	// last revision may go on.
	Open bool
	// Received is when the response arrived.
	Received time.Time
}
