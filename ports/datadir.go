package ports

import (
	"context"
	"io"
	"net/url"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// DataDir creates etcd data directories.
type DataDir interface {
	// Stage prepares dir for a restore. A directory with content other than
	// lost+found is Conflict and untouched, and so is one that another restore is
	// at work in; one that does not exist is made. What a restore left that was
	// killed is no content. The caller ends the staging with Discard, also after Finish.
	Stage(ctx context.Context, dir string) (Staging, error)

	// Ready returns nil if Stage would take dir, and else what Stage would say, as far
	// as can be told without changing anything: it neither makes dir nor locks it.
	Ready(ctx context.Context, dir string) error

	// Free returns how many bytes can be written where dir is or would be made;
	// Unsupported where the file system does not tell. It changes nothing.
	Free(ctx context.Context, dir string) (int64, error)
}

// StagedDatabase is a database that is being written. Calls come in the order
// Base, DropAfter, Apply…, History, Repack, History; it is not safe for concurrent use.
type StagedDatabase interface {
	// Base writes the database from a plain snapshot stream and opens it. It
	// returns what the database holds.
	Base(ctx context.Context, stream io.Reader) (FullFacts, error)

	// DropAfter removes every record above revision.
	DropAfter(ctx context.Context, revision int64) error

	// Apply appends records, which follow what is there.
	Apply(ctx context.Context, records []record.Record) error

	// History reads what is there, for the proof. It ends with ctx.
	History(ctx context.Context) (proof.History, error)

	// Repack writes the database anew, without the free pages that bbolt leaves. If
	// fold is set, only the records are kept that proof.SurvivorsOf names and
	// everything is marked compacted, as etcd leaves it when its compaction at the
	// last revision has ended. All else is as it was.
	Repack(ctx context.Context, fold bool) (Repacked, error)

	// Discard removes what was staged. After a Finish it does nothing.
	Discard()
}

// Repacked is what became of a database.
type Repacked struct {
	BytesBefore, BytesAfter     int64 // of the file
	RecordsBefore, RecordsAfter int
}

// Staging is a data directory that is being written beside its final place.
type Staging interface {
	StagedDatabase

	// Finish writes leases, membership, WAL and raft snapshot, makes everything
	// durable and moves it into place. Until it returns nil the directory holds
	// nothing that etcd would take for data.
	Finish(ctx context.Context, f Finishing) (Finished, error)
}

// SnapshotBuilder makes etcd snapshots from a full and the records after it. It
// leaves nothing on the disk behind, whatever happens.
type SnapshotBuilder interface {
	// Begin prepares a build. The caller discards it.
	Begin(ctx context.Context) (StagedSnapshot, error)

	// Free returns where it builds, and how many bytes are left there; Unsupported
	// where the file system does not say.
	Free(ctx context.Context) (dir string, bytes int64, err error)
}

// StagedSnapshot is a snapshot that is being built.
type StagedSnapshot interface {
	StagedDatabase

	// Leases returns the leases that the base has records of, as granted, by id. It
	// comes after Base.
	Leases(ctx context.Context) ([]snapshot.Lease, error)

	// Snapshot writes leases, by the rules of Finishing, and returns what etcd
	// would stream of the database: the file, then its SHA-256. Everything that is
	// no record and no lease is as in the base, its compact revision too. After it
	// only History may be called, also while the stream is read, and Discard, once
	// the caller has closed the stream.
	Snapshot(ctx context.Context, leases []snapshot.Lease, defaultTTL int64) (BuiltSnapshot, error)
}

// BuiltSnapshot is a snapshot stream. It ends with the context that it was asked
// for with.
type BuiltSnapshot struct {
	io.ReadCloser
	Size            int64 // bytes of the whole stream
	Facts           FullFacts
	LeasesWritten   int
	LeasesDefaulted int // of them, with the default TTL
}

// Finishing is what a restored member is to be.
type Finishing struct {
	Identity MemberIdentity
	// Leases that keys of the applied records name, each as it was last known.
	// One that is not known to have been granted keeps the base's record, and
	// where there is none gets DefaultTTL: without a record its keys would never
	// expire.
	Leases     []snapshot.Lease
	DefaultTTL int64 // seconds, positive
	// BumpTo, if not 0, is the revision the new history continues from: an empty
	// record is written there and everything below is marked compacted.
	BumpTo int64
	// Etcd is the release that will be started on the directory; zero leaves what
	// the database says of its own release as it is. See release.Convert.
	Etcd release.Release
}

// Finished is what a restored data directory holds.
type Finished struct {
	ClusterID       cluster.ID
	MemberID        cluster.ID
	LeasesWritten   int
	LeasesDefaulted int // of them, with DefaultTTL
	// Etcd is the release from which on etcd starts with it, as the database says;
	// zero where it does not. See release.Named.
	Etcd release.Release
}

// MemberIdentity is how a restored member knows itself and its cluster, as
// etcd's own flags of the same names do.
type MemberIdentity struct {
	Name                 string
	InitialCluster       map[string][]url.URL // by member name
	ClusterToken         string
	InitialAdvertisePeer []url.URL
}
