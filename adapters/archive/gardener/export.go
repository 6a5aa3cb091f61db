package gardener

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/ports"
)

// Exporter implements ports.SnapshotTaker: it adds fulls to a store that
// etcd-backup-restore reads. They are not marked final.
type Exporter struct {
	store ports.ObjectStore
	dir   string
}

var _ ports.SnapshotTaker = (*Exporter)(nil)

// NewExporter returns an Exporter that spools under dir, which is made when it is
// first needed.
func NewExporter(store ports.ObjectStore, dir string) *Exporter {
	return &Exporter{store: store, dir: dir}
}

// Ready implements ports.SnapshotTaker.
func (e *Exporter) Ready(ctx context.Context, revision int64) error {
	c, err := New(e.store).Catalogue(ctx)
	if err != nil {
		return err
	}
	return rule.Takes(c, revision)
}

// Take implements ports.SnapshotTaker. The name has the time of now, as all of
// theirs have, and with gzip a wrapper that every version of theirs reads.
func (e *Exporter) Take(ctx context.Context, s ports.BuiltSnapshot) (ports.Written, error) {
	body := spill.New(e.dir, 0)
	defer body.Release()
	zip, err := gzip.NewWriterLevel(body, gzip.BestSpeed)
	if err != nil {
		return ports.Written{}, fault.Wrap(fault.Internal, "compress", "", err)
	}
	n, err := io.CopyBuffer(zip, s, make([]byte, 1<<20))
	if err == nil {
		err = zip.Close()
	}
	if err == nil && n != s.Size {
		err = fault.New(fault.Internal, "export full", "", fmt.Sprintf("the snapshot ended after %d of %d bytes", n, s.Size))
	}
	if err != nil {
		return ports.Written{}, err
	}
	key := rule.FullKey(s.Facts.Last, time.Now())
	if err := e.store.Create(ctx, key, body, body.Size()); err != nil {
		return ports.Written{}, err
	}
	return ports.Written{Place: key, Size: body.Size()}, nil
}
