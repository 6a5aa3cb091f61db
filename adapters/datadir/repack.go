package datadir

import (
	"context"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/ports"
)

// repacking ends the name of the file that a database is written into anew.
const repacking = ".repacked"

// Repack implements ports.StagedDatabase. The disk has both files for a while.
func (s *database) Repack(ctx context.Context, fold bool) (ports.Repacked, error) {
	var out ports.Repacked
	if err := s.commit(); err != nil {
		return out, err
	}
	fresh, err := s.beside()
	if err != nil {
		return out, err
	}
	out, err = s.copyTo(ctx, fresh, fold)
	if err != nil {
		fresh.abandon()
		return out, err
	}
	return out, s.replaceBy(fresh)
}

// beside opens an empty database beside this one.
func (s *database) beside() (*database, error) {
	fresh := &database{path: s.path + repacking, facts: s.facts, dropped: s.dropped}
	if s.unnamed != nil {
		f, err := spill.Temporary(filepath.Dir(s.path), "build-")
		if err != nil {
			return nil, err
		}
		fresh.path, fresh.unnamed = f.Name(), f
	}
	if err := fresh.openFile(s.db.Info().PageSize); err != nil {
		fresh.abandon()
		return nil, diskError("repack database", fresh.path, err)
	}
	return fresh, nil
}

// copyTo copies every bucket in order. Of the records a fold leaves out what etcd's
// compaction would delete, and it marks the compaction as finished.
func (s *database) copyTo(ctx context.Context, fresh *database, fold bool) (out ports.Repacked, err error) {
	var left proof.Survivors
	if fold {
		if left, err = proof.SurvivorsOf(history{ctx, s.db}); err != nil {
			return out, err
		}
	}
	err = s.db.View(func(from *bolt.Tx) error {
		out.BytesBefore = from.Size()
		facts, err := etcddb.Facts(ctx, from)
		if err != nil {
			return err
		}
		err = from.ForEach(func(name []byte, b *bolt.Bucket) error {
			records := string(name) == string(etcddb.Key)
			return fresh.fill(ctx, name, b, func() bool {
				if !records {
					return true
				}
				out.RecordsBefore++
				if fold && !left.Has(out.RecordsBefore-1) {
					return false
				}
				out.RecordsAfter++
				return true
			})
		})
		if err == nil && fold {
			err = fresh.markCompacted(facts.Last)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	if err := fresh.commit(); err != nil {
		return out, err
	}
	return out, fresh.db.View(func(tx *bolt.Tx) error {
		out.BytesAfter = tx.Size()
		return nil
	})
}

// fill copies what wanted says true to of a bucket; it is asked once for each pair.
func (s *database) fill(ctx context.Context, name []byte, from *bolt.Bucket, wanted func() bool) error {
	var disk errgroup.Group
	defer func() { _ = disk.Wait() }() // it has no errors
	if _, err := s.bucket(name); err != nil {
		return err
	}
	c := from.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if v == nil {
			return fault.New(fault.Corrupt, "repack database", s.path, "there is a bucket within the bucket "+string(name)+", which etcd never makes")
		}
		if !wanted() {
			continue
		}
		into, err := s.bucket(name)
		if err == nil {
			err = diskError("repack database", s.path, into.Put(k, v))
		}
		if err != nil {
			return err
		}
		if s.pending += len(k) + len(v); s.pending < batchBytes {
			continue
		}
		s.growth.reached(s.tx.Size())
		if err := s.commit(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		_ = disk.Wait()
		s.growth.writeback(&disk)
	}
	return ctx.Err()
}

// bucket returns a bucket in the open transaction and makes it if need be.
func (s *database) bucket(name []byte) (*bolt.Bucket, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	b := s.tx.Bucket(name)
	if b == nil {
		var err error
		if b, err = s.tx.CreateBucket(name); err != nil {
			return nil, diskError("repack database", s.path, err)
		}
	}
	b.FillPercent = fillPercent
	return b, nil
}

// markCompacted says what etcd says when a compaction has ended.
func (s *database) markCompacted(revision int64) error {
	meta, err := s.bucket(etcddb.Meta)
	if err != nil {
		return err
	}
	s.folded = true
	at := record.Record{Revision: record.Revision{Main: revision}}.AppendKey(nil)
	for _, mark := range [][]byte{etcddb.ScheduledCompact, etcddb.FinishedCompact} {
		if err := meta.Put(mark, at); err != nil {
			return diskError("repack database", s.path, err)
		}
	}
	return nil
}

// replaceBy takes the place of this database.
func (s *database) replaceBy(fresh *database) error {
	s.close()
	if s.unnamed != nil {
		_ = s.unnamed.Close()
	} else if err := os.Rename(fresh.path, s.path); err != nil {
		fresh.abandon()
		return diskError("repack database", s.path, err)
	} else {
		fresh.path = s.path
	}
	*s = *fresh
	return nil
}

// abandon ends a database that nobody else knows.
func (s *database) abandon() {
	s.close()
	if s.unnamed != nil {
		_ = s.unnamed.Close()
	} else {
		_ = os.Remove(s.path)
	}
}
