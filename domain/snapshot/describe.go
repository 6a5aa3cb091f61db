package snapshot

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// FormatVersion is the bucket format this build reads and writes.
const FormatVersion = 1

// Format is the content of format.json.
type Format struct {
	Format  string    `json:"format"` // "revkeeper"
	Version int       `json:"version"`
	Created time.Time `json:"created"`
}

// FormatName is the value of Format.Format.
const FormatName = "revkeeper"

// Raft is where in the raft log the writer's member was. It only grows while
// one history goes on, so it shows when a cluster was set back.
type Raft struct {
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
}

// Before reports whether r is earlier than o in either respect.
func (r Raft) Before(o Raft) bool { return r.Term < o.Term || r.Index < o.Index }

// Writer says who wrote an object.
type Writer struct {
	ClusterID string `json:"clusterID"` // hexadecimal, as etcd prints it
	MemberID  string `json:"memberID"`  // the writer's own member
	Member    string `json:"member,omitempty"`
	Version   string `json:"revkeeper"` // of the program
	// Term and LedAt are of the newest observation, when the object was begun,
	// in which the writer's member led etcd: the raft term, and when the status
	// call that said so was sent.
	Term    uint64    `json:"leaderTerm,omitempty"`
	LedAt   time.Time `json:"leaderSeenAt,omitzero"`
	BegunAt time.Time `json:"begunAt,omitzero"` // when the object was begun
}

// Manifest describes a full; it is stored beside it once the full is whole, so
// a full without one was never finished.
type Manifest struct {
	Writer
	Source      string                  `json:"sourceMemberID"` // the member that streamed the snapshot
	EtcdVersion string                  `json:"etcdVersion"`
	Last        int64                   `json:"lastRevision"`
	Compact     int64                   `json:"compactRevision"`
	Raft        Raft                    `json:"raft"`
	Auth        Auth                    `json:"auth"`
	Size        int64                   `json:"size"`               // bytes of the plain snapshot, trailer included
	SHA256      record.Digest           `json:"sha256"`             // of the database: what the trailer says
	StoredSize  int64                   `json:"storedSize"`         // bytes of the object
	Stored      record.Digest           `json:"storedSHA256"`       // of the object
	TakenAt     time.Time               `json:"takenAt"`            // when the snapshot stream began
	LiveKeys    *int64                  `json:"liveKeys,omitempty"` // about how many keys live at Last; nil where nobody counted
	Tail        []record.RevisionDigest `json:"tail"`               // digests of the last revisions, oldest first
	// Synthetic is set if no member streamed the full: it was built.
	Synthetic *Synthetic `json:"synthetic,omitempty"`
}

// Describes returns Corrupt if a database with this SHA-256 is not the one that m
// was written for. A manifest that names none is of any: not every format has it.
func (m Manifest) Describes(database record.Digest) error {
	if m.SHA256 == (record.Digest{}) || m.SHA256 == database {
		return nil
	}
	return fault.New(fault.Corrupt, "read full", "", "its database hashes to "+database.String()+", its description says "+m.SHA256.String())
}

// Note is the content of a pin or mark. Only the key counts; this is for people.
type Note struct {
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
	Version string    `json:"revkeeper"` // of the program
}

// Synthetic says how a full was built from another full and the deltas after it.
type Synthetic struct {
	Base    string    `json:"base"`           // key of the full
	Deltas  int       `json:"deltas"`         // that were applied to it
	Proven  int64     `json:"provenRevision"` // at which its HashKV was compared with a recorded one
	BuiltAt time.Time `json:"builtAt"`
}

// Auth is what etcd's AuthStatus says. Authentication data is in fulls alone.
type Auth struct {
	Enabled  bool   `json:"enabled"`
	Revision uint64 `json:"revision"`
}

// LeaseState says how much is known of a lease that a delta's keys name.
type LeaseState string

// The states of a lease.
const (
	LeaseGranted LeaseState = "granted" // TTL is the granted one
	LeaseGone    LeaseState = "gone"    // expired or revoked before it was asked for
	LeaseUnknown LeaseState = "unknown" // not answered before the delta was sealed; a later delta names it again
)

// Lease is what a delta knows of one lease. The watch carries lease ids only,
// and a key whose lease has no record would live for ever after a restore.
type Lease struct {
	ID    int64      `json:"id"`
	State LeaseState `json:"state"`
	TTL   int64      `json:"ttl,omitempty"` // seconds, as granted
}

// Segment is one separately compressed run of whole revisions inside a delta.
type Segment struct {
	Offset   int64         `json:"offset"` // bytes from the object's start
	Length   int64         `json:"length"` // bytes
	Raw      int64         `json:"raw"`    // bytes before compression
	First    int64         `json:"firstRevision"`
	Last     int64         `json:"lastRevision"`
	Records  int64         `json:"records"`
	SHA256   record.Digest `json:"sha256"` // of the stored bytes
	Canon    record.Digest `json:"digest"` // of the records
	Encoding string        `json:"encoding"`
}

// SegmentEncoding names the framing and compression of a segment.
const SegmentEncoding = "rkf1+zstd"

// Instant ties a revision to a time for restoring to a moment: every revision
// up to it was seen by NotAfter, none after it before NotBefore.
type Instant struct {
	Revision  int64     `json:"revision"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// Envelope describes a delta; it is the plain text at the object's end.
type Envelope struct {
	Writer
	Epoch    int                     `json:"timeline"`
	First    int64                   `json:"firstRevision"`
	Last     int64                   `json:"lastRevision"`
	Records  int64                   `json:"records"`
	Digest   record.Digest           `json:"digest"` // of all records
	Raft     Raft                    `json:"raft"`
	Compact  int64                   `json:"compactRevision"` // last known, of the watched member; 0 if never compacted
	Auth     Auth                    `json:"auth"`
	AuthTo   *Auth                   `json:"authTo,omitempty"` // set if it changed within the delta: auth uncertain
	Segments []Segment               `json:"segments"`
	Times    []Instant               `json:"times"`
	Leases   []Lease                 `json:"leases,omitempty"`
	Tail     []record.RevisionDigest `json:"tail"`
	SealedAt time.Time               `json:"sealedAt"`
}
