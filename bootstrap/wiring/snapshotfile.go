package wiring

import (
	"context"
	"io"
	"iter"

	"github.com/revkeeper/revkeeper/adapters/archive/either"
	"github.com/revkeeper/revkeeper/adapters/archive/snapshotfile"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// openArchive is what a store's URL leads to for who reads: a bucket, or one
// snapshot file.
func openArchive(bucket *either.Archive, c config.Store) (ports.Archive, error) {
	at, err := c.Location()
	if err != nil {
		return nil, err
	}
	if at.Scheme == config.SchemeSnapshot {
		return snapshotfile.New(at.File, at.SkipHashCheck), nil
	}
	return bucket, nil
}

// openKeeper reads back what openArchive opened.
func openKeeper(bucket either.Keeper, archive ports.Archive) ports.ArchiveKeeper {
	if file, ok := archive.(*snapshotfile.Archive); ok {
		return snapshotfile.NewKeeper(file)
	}
	return bucket
}

// noStore is in the place of the store where there is only a snapshot file: whoever
// wants a bucket is told.
type noStore struct{ file string }

var _ ports.ObjectStore = noStore{}

func (s noStore) refused() error {
	return fault.New(fault.Unsupported, "open bucket", s.file, "it is one snapshot, which is only read").
		WithRemedy("name a bucket: --store file:///folder or s3://bucket/prefix")
}

func (s noStore) Create(context.Context, string, io.ReaderAt, int64) error { return s.refused() }

func (s noStore) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, s.refused()
}

func (s noStore) Stat(context.Context, string) (ports.Object, error) {
	return ports.Object{}, s.refused()
}

func (s noStore) List(context.Context, string, string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) { yield(ports.Object{}, s.refused()) }
}

func (s noStore) Delete(context.Context, string) error { return s.refused() }

func (s noStore) Capabilities() ports.Capabilities {
	return ports.Capabilities{Location: config.SnapshotURL(s.file, false)}
}
