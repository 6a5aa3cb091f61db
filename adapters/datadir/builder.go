package datadir

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"syscall"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/internal/disk"
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

// Free implements ports.SnapshotBuilder.
func (b *Builder) Free(ctx context.Context) (string, int64, error) {
	if err := ctx.Err(); err != nil {
		return b.dir, 0, err
	}
	n, err := disk.Free(b.dir)
	return b.dir, n, err
}

// build implements ports.StagedSnapshot.
type build struct{ database }

// open is called by bbolt for the file.
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
	if err := b.begin(); err != nil {
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
	out.ReadCloser = stream(ctx, tx, b.unnamed)
	return out, nil
}

// Discard implements ports.StagedSnapshot.
func (b *build) Discard() {
	b.close()
	_ = b.unnamed.Close()
}

// snapshotStream reads a database that nobody writes to any more as etcd streams
// it. The transaction keeps its pages in place.
type snapshotStream struct {
	ctx    context.Context
	tx     *bolt.Tx
	pages  *io.SectionReader
	read   int64
	digest hash.Hash
	sum    []byte // not read yet; nil until the pages have ended
}

func stream(ctx context.Context, tx *bolt.Tx, file *os.File) io.ReadCloser {
	return &snapshotStream{ctx: ctx, tx: tx, pages: io.NewSectionReader(file, 0, tx.Size()), digest: sha256.New()}
}

// Read implements io.Reader.
func (s *snapshotStream) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.sum == nil {
		n, err := s.pages.Read(p)
		s.digest.Write(p[:n])
		s.read += int64(n)
		switch {
		case n > 0:
			return n, nil
		case err == io.EOF && s.read < s.pages.Size():
			err = io.ErrUnexpectedEOF // the file is shorter than its pages
		}
		if err != io.EOF {
			return 0, diskError("read database", "", err)
		}
		s.sum = s.digest.Sum(nil)
	}
	if len(s.sum) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.sum)
	s.sum = s.sum[n:]
	return n, nil
}

// Close implements io.Closer.
func (s *snapshotStream) Close() error { return s.tx.Rollback() }

// Leases implements ports.StagedSnapshot.
func (b *build) Leases(ctx context.Context) (out []snapshot.Lease, err error) {
	if err := b.commit(); err != nil {
		return nil, err
	}
	err = b.db.View(func(tx *bolt.Tx) (err error) {
		out, err = etcddb.Leases(ctx, tx)
		return err
	})
	return out, err
}
