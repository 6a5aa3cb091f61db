package datadir

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// Builder implements ports.SnapshotBuilder under a directory. What it builds has
// no name there.
type Builder struct{ dir string }

var _ ports.SnapshotBuilder = (*Builder)(nil)

// NewBuilder returns a Builder under dir, which is made when it is first needed
// and must have room for the database.
func NewBuilder(dir string) *Builder { return &Builder{dir: dir} }

// Begin implements ports.SnapshotBuilder.
func (b *Builder) Begin(ctx context.Context) (ports.StagedSnapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := spill.Temporary(b.dir, "build-")
	if err != nil {
		return nil, err
	}
	return &build{database: database{path: f.Name(), unnamed: f}}, nil
}

// build implements ports.StagedSnapshot.
type build struct{ database }

// open is called by bbolt for the file, once to work on it and once to copy it.
func (s *database) open(path string, flag int, mode os.FileMode) (*os.File, error) {
	if s.unnamed == nil {
		return s.growth.open(path, flag, mode)
	}
	s.growth.file = s.unnamed
	fd, err := syscall.Dup(int(s.unnamed.Fd()))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Snapshot implements ports.StagedSnapshot.
func (b *build) Snapshot(ctx context.Context, leases []snapshot.Lease, defaultTTL int64) (ports.BuiltSnapshot, error) {
	var out ports.BuiltSnapshot
	if _, err := b.keys(); err != nil { // opens a transaction if there is none
		return out, err
	}
	var err error
	if out.LeasesWritten, out.LeasesDefaulted, err = b.leases(ctx, leases, defaultTTL); err != nil {
		return out, err
	}
	if err := b.commit(); err != nil {
		return out, err
	}
	tx, err := b.db.Begin(false)
	if err != nil {
		return out, diskError("read database", b.path, err)
	}
	if out.Facts, err = etcddb.Facts(ctx, tx); err != nil {
		return out, errors.Join(err, tx.Rollback())
	}
	out.Size = tx.Size() + etcddb.DigestSize
	out.ReadCloser = stream(ctx, tx)
	return out, nil
}

// Discard implements ports.StagedSnapshot.
func (b *build) Discard() {
	b.close()
	_ = b.unnamed.Close()
}

// snapshotStream reads a database as etcd streams it. The copying goroutine has
// ended when Close returns.
type snapshotStream struct {
	*io.PipeReader
	stop   func() bool
	copied sync.WaitGroup
}

func stream(ctx context.Context, tx *bolt.Tx) io.ReadCloser {
	r, w := io.Pipe()
	s := &snapshotStream{PipeReader: r}
	s.stop = context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
	s.copied.Go(func() {
		defer func() { _ = tx.Rollback() }()
		digest := sha256.New()
		_, err := tx.WriteTo(io.MultiWriter(w, digest))
		if err == nil {
			_, err = w.Write(digest.Sum(nil))
		}
		_ = w.CloseWithError(err) // io.EOF for nil
	})
	return s
}

// Close implements io.Closer.
func (s *snapshotStream) Close() error {
	s.stop()
	err := s.PipeReader.Close()
	s.copied.Wait()
	return err
}
