package datadir

import (
	"context"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	// batchBytes is how much a write transaction takes before it is committed.
	// It bounds the memory of dirty pages.
	batchBytes = 4 << 20
	// fillPercent packs pages as etcd itself does for keys that only grow.
	fillPercent = 0.9
	// mapSize is address space, not memory: mapping it once spares the remaps
	// of a growing file.
	mapSize = 10 << 30
)

// Staging is a restore in progress.
type Staging struct {
	database
	target     string
	madeTarget bool
	lock       *os.File // of the target, as long as it is open
	root       string
	finished   bool
}

// database is the database of a restore or a build in progress. One bbolt session
// lasts from Base to the end, for each opening walks every page of the file.
type database struct {
	path    string
	unnamed *os.File // the file, where it has no name any more; else path is its name
	growth  growth
	db      *bolt.DB
	tx      *bolt.Tx
	pending int // bytes written in tx
	key     []byte
	facts   ports.FullFacts
	dropped bool // records of the base, and perhaps with them the leases' last trace
	folded  bool // only what lives is left
}

func (s *Staging) member() string  { return filepath.Join(s.root, "member") }
func (s *Staging) snapDir() string { return filepath.Join(s.member(), "snap") }
func (s *Staging) walDir() string  { return filepath.Join(s.member(), "wal") }

// Base implements ports.Staging.
func (s *database) Base(ctx context.Context, stream io.Reader) (ports.FullFacts, error) {
	digest, err := s.write(ctx, stream)
	if err != nil {
		return s.facts, err
	}
	if err := s.openFile(0); err != nil {
		return s.facts, fault.Wrap(fault.Corrupt, "open restored database", s.path, err)
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		if etcddb.CorruptAlarm(tx) {
			return fault.New(fault.Corrupt, "restore", "", "the full was taken while etcd had its CORRUPT alarm raised").
				WithRemedy("restore a full from before the alarm")
		}
		var err error
		s.facts, err = etcddb.Facts(ctx, tx)
		return err
	})
	s.facts.SHA256 = digest
	return s.facts, err
}

// openFile opens the file with bbolt; pageSize counts for one that is empty.
func (s *database) openFile(pageSize int) (err error) {
	s.db, err = bolt.Open(s.path, 0o600, &bolt.Options{
		NoSync: true, NoGrowSync: true, NoFreelistSync: true, PageSize: pageSize,
		FreelistType: bolt.FreelistMapType, InitialMmapSize: mapSize, OpenFile: s.open,
	})
	return err
}

// Apply implements ports.Staging.
func (s *database) Apply(ctx context.Context, records []record.Record) error {
	var disk errgroup.Group
	defer func() { _ = disk.Wait() }() // it has no errors
	s.growth.writeback(&disk)
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		keys, err := s.keys()
		if err != nil {
			return err
		}
		s.growth.reached(s.tx.Size())
		n := 0
		for _, r := range records {
			s.key = r.AppendKey(s.key[:0])
			if err := keys.Put(s.key, r.KeyValue); err != nil {
				return diskError("write record", s.path, err)
			}
			n++
			if s.pending += len(s.key) + len(r.KeyValue); s.pending >= batchBytes {
				break
			}
		}
		records = records[n:]
		if s.pending >= batchBytes {
			if err := s.commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// DropAfter implements ports.Staging.
func (s *database) DropAfter(ctx context.Context, revision int64) error {
	first := record.Record{Revision: record.Revision{Main: revision + 1}}.AppendKey(nil)
	s.dropped = true
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		keys, err := s.keys()
		if err != nil {
			return err
		}
		cursor := keys.Cursor()
		dropped := 0
		for k, v := cursor.Seek(first); k != nil && dropped < batchBytes; k, v = cursor.Seek(first) {
			dropped += len(k) + len(v)
			if err := cursor.Delete(); err != nil {
				return diskError("drop newer record", s.path, err)
			}
		}
		if err := s.commit(); err != nil {
			return err
		}
		if dropped == 0 {
			return nil
		}
	}
}

// History implements ports.Staging.
func (s *database) History(ctx context.Context) (proof.History, error) {
	if err := s.commit(); err != nil {
		return nil, err
	}
	return history{ctx, s.db}, nil
}

// begin opens a write transaction if there is none.
func (s *database) begin() error {
	if s.tx != nil {
		return nil
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		return diskError("write database", s.path, err)
	}
	s.tx, s.pending = tx, 0
	return nil
}

// keys returns the bucket of records in the open write transaction.
func (s *database) keys() (*bolt.Bucket, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	b := s.tx.Bucket(etcddb.Key)
	b.FillPercent = fillPercent
	return b, nil
}

func (s *database) commit() error {
	if s.tx == nil {
		return nil
	}
	tx := s.tx
	s.tx, s.pending = nil, 0
	return diskError("write database", s.path, tx.Commit())
}

// close ends the session without making anything durable.
func (s *database) close() {
	if s.tx != nil {
		_ = s.tx.Rollback()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	s.tx, s.db = nil, nil
}

// Discard implements ports.Staging.
func (s *Staging) Discard() {
	s.close()
	defer s.lock.Close() // last: what is there is this restore's until it is gone
	if s.finished {
		return
	}
	_ = os.RemoveAll(s.root)
	if s.madeTarget {
		_ = os.Remove(s.target) // fails, as it should, if something else is in it by now
	}
}
