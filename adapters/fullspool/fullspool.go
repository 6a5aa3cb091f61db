// Package fullspool takes an etcd snapshot stream onto local disk: it checks
// the stream's own digest, compresses on the way and reads what revisions it
// holds. The member that sends the stream is thus held up by local disk only.
package fullspool

import (
	"context"
	"crypto/sha256"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// workers compress a full; two keep up with what one member sends.
const workers = 2

// Spool keeps its files under one directory. They have no name there, so that
// nothing is left behind whatever happens.
type Spool struct{ dir string }

var (
	_ ports.FullSpool  = (*Spool)(nil)
	_ ports.FullPacker = (*Spool)(nil)
)

// New returns a Spool under dir, which is made when it is first needed.
func New(dir string) *Spool { return &Spool{dir: dir} }

// Spool implements ports.FullSpool.
func (s *Spool) Spool(ctx context.Context, stream io.Reader, expected int64, wanted chain.Range) (ports.SpooledFull, error) {
	if err := s.room(expected + expected/2); err != nil {
		return ports.SpooledFull{}, err
	}
	plain, err := spill.Temporary(s.dir, "full-")
	if err != nil {
		return ports.SpooledFull{}, err
	}
	// The plain copy serves only to read the facts.
	defer plain.Close()
	trailer := etcddb.NewTrailer()
	out, err := s.pack(ctx, stream, func(raw []byte) error {
		trailer.Write(raw)
		_, err := plain.Write(raw)
		return err
	}, trailer.Check)
	if err != nil {
		return ports.SpooledFull{}, err
	}
	if out.Facts, err = facts(ctx, plain, out.Size-etcddb.DigestSize, wanted); err != nil {
		out.Release()
		return ports.SpooledFull{}, err
	}
	return out, nil
}

// Pack implements ports.FullPacker.
func (s *Spool) Pack(ctx context.Context, stream io.Reader, expected int64, facts ports.FullFacts) (ports.SpooledFull, error) {
	if err := s.room(expected / 2); err != nil {
		return ports.SpooledFull{}, err
	}
	var end etcddb.End
	out, err := s.pack(ctx, stream, func(raw []byte) error { end.Write(raw); return nil }, end.Digest)
	out.Facts = facts
	return out, err
}

// pack compresses a stream; tap sees it on the way, and check says at its end what
// the database hashes to.
func (s *Spool) pack(ctx context.Context, stream io.Reader, tap func(raw []byte) error, check func() (record.Digest, error)) (ports.SpooledFull, error) {
	stored := spill.New(s.dir, 0)
	out := ports.SpooledFull{Compression: snapshot.Zstd, Body: stored, Release: stored.Release}
	storedHash := sha256.New()
	var err error
	out.Size, err = zframe.Compress(ctx, io.MultiWriter(stored, storedHash), stream, workers, tap)
	if err == nil {
		out.SHA256, err = check()
	}
	if err != nil {
		stored.Release()
		return ports.SpooledFull{}, err
	}
	out.StoredSize = stored.Size()
	storedHash.Sum(out.Stored[:0])
	return out, nil
}

func facts(ctx context.Context, plain *os.File, size int64, wanted chain.Range) (ports.FullFacts, error) {
	if err := plain.Truncate(size); err != nil {
		return ports.FullFacts{}, fault.Wrap(fault.Internal, "read snapshot", "", err)
	}
	db, err := etcddb.Open(plain)
	if err != nil {
		return ports.FullFacts{}, err
	}
	defer db.Close()
	var f ports.FullFacts
	err = db.View(func(tx *bolt.Tx) error {
		if etcddb.CorruptAlarm(tx) {
			return fault.New(fault.Corrupt, "read snapshot", "", "etcd has its CORRUPT alarm raised").
				WithRemedy("find the member that differs (etcdctl alarm list, HashKV) and replace it; the older fulls stay")
		}
		if f, err = etcddb.Facts(ctx, tx); err != nil {
			return err
		}
		live, err := etcddb.LiveKeys(ctx, tx, f.Compact)
		if err != nil {
			return err
		}
		f.LiveKeys = &live
		f.Wanted, err = etcddb.Digests(ctx, tx, max(wanted.First, f.Compact+1), wanted.Last)
		return err
	})
	return f, err
}
