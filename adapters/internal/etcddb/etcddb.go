// Package etcddb reads an etcd database file as bbolt keeps it: the bucket
// names and meta keys of etcd server/storage/schema.
package etcddb

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// Buckets of an etcd database.
var (
	Key            = []byte("key")
	Meta           = []byte("meta")
	Lease          = []byte("lease")
	Members        = []byte("members")
	MembersRemoved = []byte("members_removed")
	Cluster        = []byte("cluster")
	Alarm          = []byte("alarm")
)

// Keys of the bucket meta.
var (
	ScheduledCompact = []byte("scheduledCompactRev")
	FinishedCompact  = []byte("finishedCompactRev")
	ConsistentIndex  = []byte("consistent_index")
	Term             = []byte("term")
	ConfState        = []byte("confState")
	StorageVersion   = []byte("storageVersion")
)

// Keys of the bucket cluster.
var (
	ClusterVersion = []byte("clusterVersion")
	Downgrade      = []byte("downgrade")
)

// DigestSize is the length of the SHA-256 that etcd appends to a snapshot
// stream; the database before it is a whole number of 512-byte sectors.
const DigestSize = 32

// Sector is what the size of a database is a multiple of, in bytes.
const Sector = 512

// CheckSize returns Corrupt if a stream of size bytes cannot be a snapshot with
// its trailing digest.
func CheckSize(size int64) error {
	if size > DigestSize && size%Sector == DigestSize {
		return nil
	}
	return fault.New(fault.Corrupt, "read snapshot", "",
		fmt.Sprintf("%d bytes cannot be a database with its SHA-256: truncated, or copied from a data directory", size))
}

// Open opens a database read-only through a descriptor, so that the file needs
// no name any more. f stays the caller's.
func Open(f *os.File) (*bolt.DB, error) {
	db, err := bolt.Open(f.Name(), 0o600, &bolt.Options{ReadOnly: true,
		OpenFile: func(name string, _ int, _ os.FileMode) (*os.File, error) {
			fd, err := syscall.Dup(int(f.Fd()))
			if err != nil {
				return nil, err
			}
			return os.NewFile(uintptr(fd), name), nil
		}})
	if err != nil {
		return nil, fault.Wrap(fault.Corrupt, "open database", "", err)
	}
	return db, nil
}

// Release returns the release from which on etcd starts with a database, by what it
// says in both places that etcd looks at; zero where it says nothing.
func Release(tx *bolt.Tx) release.Release {
	var named []string
	if meta := tx.Bucket(Meta); meta != nil {
		named = append(named, string(meta.Get(StorageVersion)))
	}
	if cluster := tx.Bucket(Cluster); cluster != nil {
		named = append(named, string(cluster.Get(ClusterVersion)))
	}
	return release.Named(named...)
}

// Facts reads what a database says of itself. A file without the buckets of
// etcd is Corrupt.
func Facts(ctx context.Context, tx *bolt.Tx) (ports.FullFacts, error) {
	var f ports.FullFacts
	keys, meta := tx.Bucket(Key), tx.Bucket(Meta)
	if keys == nil || meta == nil {
		return f, fault.New(fault.Corrupt, "read database", "", "it has no buckets key and meta: not an etcd database")
	}
	for _, name := range [][]byte{ScheduledCompact, FinishedCompact} {
		if v := meta.Get(name); len(v) > 0 {
			rev, _, err := record.ParseKey(v)
			if err != nil {
				return f, err
			}
			f.Compact = max(f.Compact, rev.Main)
		}
	}
	f.Raft = snapshot.Raft{Term: number(meta.Get(Term)), Index: number(meta.Get(ConsistentIndex))}
	f.Last = max(1, f.Compact) // an empty cluster is at revision 1
	if k, _ := keys.Cursor().Last(); k != nil {
		rev, _, err := record.ParseKey(k)
		if err != nil {
			return f, err
		}
		f.Last = max(f.Last, rev.Main)
	}
	var err error
	f.Tail, err = tail(ctx, tx, f.Compact)
	return f, err
}

// Auth reads whether etcd's authentication is on, and its revision (etcd
// server/storage/schema/auth.go); zero where the database does not say.
func Auth(tx *bolt.Tx) snapshot.Auth {
	b := tx.Bucket([]byte("auth"))
	if b == nil {
		return snapshot.Auth{}
	}
	return snapshot.Auth{Enabled: bytes.Equal(b.Get([]byte("authEnabled")), []byte{1}), Revision: number(b.Get([]byte("authRevision")))}
}

func number(v []byte) uint64 {
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

// tail returns the digests of the last whole revisions. Those at or below the
// compact revision may have lost records and are left out.
func tail(ctx context.Context, tx *bolt.Tx, compact int64) ([]record.RevisionDigest, error) {
	c := tx.Bucket(Key).Cursor()
	revisions, oldest := 0, int64(-1)
	newest := int64(-1)
	for k, _ := c.Last(); k != nil; k, _ = c.Prev() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rev, _, err := record.ParseKey(k)
		if err != nil {
			return nil, err
		}
		if rev.Main == oldest {
			continue
		}
		if rev.Main <= compact || revisions == record.TailLength || (oldest >= 0 && rev.Main != oldest-1) {
			break
		}
		if newest < 0 {
			newest = rev.Main
		}
		oldest = rev.Main
		revisions++
	}
	if revisions == 0 {
		return nil, nil
	}
	return Digests(ctx, tx, oldest, newest)
}

// Digests returns the digests of revisions first to last that the database
// holds. The caller stays above the compact revision.
func Digests(ctx context.Context, tx *bolt.Tx, first, last int64) ([]record.RevisionDigest, error) {
	if first > last {
		return nil, nil
	}
	var out []record.RevisionDigest
	var d record.Digester
	d.OnRevision(func(r record.RevisionDigest) { out = append(out, r) })
	c := tx.Bucket(Key).Cursor()
	from := record.Record{Revision: record.Revision{Main: first}}.AppendKey(nil)
	for k, v := c.Seek(from); k != nil; k, v = c.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := record.Parse(k, v)
		if err != nil {
			return nil, err
		}
		if r.Main > last {
			break
		}
		d.Write(r)
	}
	d.Finish()
	return out, nil
}

// History reads the bucket key of one transaction in both directions, for the
// proof. It ends with its context.
type History struct {
	ctx context.Context
	tx  *bolt.Tx
}

// NewHistory returns a History over tx.
func NewHistory(ctx context.Context, tx *bolt.Tx) History { return History{ctx, tx} }

// Forward implements proof.History.
func (h History) Forward() iter.Seq2[record.Record, error] {
	return h.walk((*bolt.Cursor).First, (*bolt.Cursor).Next)
}

// Backward implements proof.History.
func (h History) Backward() iter.Seq2[record.Record, error] {
	return h.walk((*bolt.Cursor).Last, (*bolt.Cursor).Prev)
}

func (h History) walk(first, next func(*bolt.Cursor) ([]byte, []byte)) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		c := h.tx.Bucket(Key).Cursor()
		n := 0
		for k, v := first(c); k != nil; k, v = next(c) {
			if n++; n%4096 == 0 && h.ctx.Err() != nil {
				yield(record.Record{}, h.ctx.Err())
				return
			}
			r, err := record.Parse(k, v)
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// CorruptAlarm reports whether the database carries etcd's CORRUPT alarm.
func CorruptAlarm(tx *bolt.Tx) bool {
	b := tx.Bucket(Alarm)
	if b == nil {
		return false
	}
	found := false
	_ = b.ForEach(func(k, _ []byte) error {
		// The key is a marshalled AlarmMember: field 2 is the type, 2 is CORRUPT.
		found = found || bytes.HasSuffix(k, []byte{2<<3 | 0, 2})
		return nil
	})
	return found
}
