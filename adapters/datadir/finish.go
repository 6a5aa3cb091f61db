package datadir

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// Finish implements ports.Staging.
func (s *Staging) Finish(ctx context.Context, f ports.Finishing) (ports.Finished, error) {
	m, err := newMembership(f.Identity)
	if err != nil {
		return ports.Finished{}, err
	}
	out := ports.Finished{ClusterID: cluster.ID(m.cluster.ID()), MemberID: cluster.ID(m.own.ID)}
	if err := s.begin(); err != nil {
		return out, err
	}
	if out.LeasesWritten, out.LeasesDefaulted, err = s.leases(ctx, f.Leases, f.DefaultTTL); err != nil {
		return out, err
	}
	if err := m.writeTo(s.tx); err != nil {
		return out, diskError("write membership", s.path, err)
	}
	if err := dropNoSpaceAlarm(s.tx); err != nil {
		return out, diskError("clear alarm", s.path, err)
	}
	if err := s.convert(f.Etcd); err != nil {
		return out, err
	}
	out.Etcd = etcddb.Release(s.tx)
	if f.BumpTo > 0 {
		if err := bump(s.tx, f.BumpTo, s.folded); err != nil {
			return out, diskError("bump revision", s.path, err)
		}
	}
	if err := s.commit(); err != nil {
		return out, err
	}
	if err := s.trim(); err != nil { // the log may need the space
		return out, err
	}
	// The log does not depend on the database: its syncs wait beside the other.
	var g errgroup.Group
	g.Go(s.closeDatabase)
	g.Go(func() error { return m.writeLog(s.walDir(), s.snapDir()) })
	if err := g.Wait(); err != nil {
		return out, err
	}
	if err := ctx.Err(); err != nil {
		return out, err
	}
	return out, s.publish()
}

// leases writes the records of leases in the open transaction.
func (s *database) leases(ctx context.Context, leases []snapshot.Lease, defaultTTL int64) (written, defaulted int, err error) {
	if s.dropped {
		named, err := namedLeases(ctx, s.tx)
		if err != nil {
			return 0, 0, err
		}
		leases = append(leases, named...)
	}
	written, defaulted, err = writeLeases(s.tx, leases, defaultTTL)
	return written, defaulted, diskError("write leases", s.path, err)
}

// trim gives back the space that the database did not grow into.
func (s *database) trim() error {
	return s.db.View(func(tx *bolt.Tx) error {
		return diskError("trim database", s.path, s.growth.trim(tx.Size()))
	})
}

// closeDatabase makes the database durable.
func (s *Staging) closeDatabase() error {
	if err := s.db.Sync(); err != nil {
		return diskError("sync database", s.path, err)
	}
	if err := s.db.Close(); err != nil {
		return diskError("close database", s.path, err)
	}
	s.db = nil
	return nil
}

// publish moves the finished directory into place. The rename is the moment at
// which the target becomes a data directory.
func (s *Staging) publish() error {
	for _, dir := range []string{s.walDir(), s.snapDir(), s.member()} {
		if err := syncDir(dir); err != nil {
			return err
		}
	}
	final := filepath.Join(s.target, "member")
	if err := os.Rename(s.member(), final); err != nil {
		return diskError("publish data directory", final, err)
	}
	s.finished = true
	_ = os.Remove(s.root)
	if err := syncDir(s.target); err != nil {
		return err
	}
	if s.madeTarget {
		return syncDir(filepath.Dir(s.target))
	}
	return nil
}

// namedLeases returns every lease that a record names. A database that was taken
// back to an older revision may have lost the records of leases that ended in
// between; keys attached to them would never expire.
func namedLeases(ctx context.Context, tx *bolt.Tx) ([]snapshot.Lease, error) {
	named := make(snapshot.Leases)
	for r, err := range etcddb.NewHistory(ctx, tx).Forward() {
		if err != nil {
			return nil, err
		}
		if r.Tombstone {
			continue
		}
		id, err := record.Lease(r.KeyValue)
		if err != nil {
			return nil, err
		}
		if id != 0 {
			named.Learn(snapshot.Lease{ID: id, State: snapshot.LeaseUnknown})
		}
	}
	return named.Sorted(), nil
}

// writeLeases writes a record for every lease: leasepb.Lease{ID: 1, TTL: 2}
// under the big-endian id (etcd server/storage/schema/lease.go).
func writeLeases(tx *bolt.Tx, leases []snapshot.Lease, defaultTTL int64) (written, defaulted int, err error) {
	b, err := tx.CreateBucketIfNotExists(etcddb.Lease)
	if err != nil {
		return 0, 0, err
	}
	for _, l := range leases {
		id := binary.BigEndian.AppendUint64(nil, uint64(l.ID))
		ttl := l.TTL
		if l.State != snapshot.LeaseGranted || ttl <= 0 {
			if b.Get(id) != nil {
				continue
			}
			ttl = defaultTTL
			defaulted++
		}
		value := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(l.ID))
		value = protowire.AppendVarint(protowire.AppendTag(value, 2, protowire.VarintType), uint64(ttl))
		if err := b.Put(id, value); err != nil {
			return written, defaulted, err
		}
		written++
	}
	return written, defaulted, nil
}

// dropNoSpaceAlarm clears alarms: the restored file has its own size, and with
// the alarm in place the new cluster would refuse every write. CORRUPT was
// refused before.
func dropNoSpaceAlarm(tx *bolt.Tx) error {
	if tx.Bucket(etcddb.Alarm) == nil {
		return nil
	}
	if err := tx.DeleteBucket(etcddb.Alarm); err != nil {
		return err
	}
	_, err := tx.CreateBucket(etcddb.Alarm)
	return err
}

// bump makes the history continue from revision and marks everything below as
// compacted, so that clients which saw a later past are told to read again
// (as etcdutl --bump-revision --mark-compacted does). Where nothing is left that a
// compaction could delete, etcd is spared looking for it.
func bump(tx *bolt.Tx, revision int64, folded bool) error {
	key := record.Record{Revision: record.Revision{Main: revision}}.AppendKey(nil)
	keys, meta := tx.Bucket(etcddb.Key), tx.Bucket(etcddb.Meta)
	if last, _ := keys.Cursor().Last(); last != nil && string(last) >= string(key) {
		return fmt.Errorf("revision %d is not above what the database holds", revision)
	}
	if err := keys.Put(key, []byte{}); err != nil {
		return err
	}
	if folded {
		if err := meta.Put(etcddb.FinishedCompact, key); err != nil {
			return err
		}
	}
	return meta.Put(etcddb.ScheduledCompact, key)
}
