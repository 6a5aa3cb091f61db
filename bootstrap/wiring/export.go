package wiring

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/adapters/snapshotfile"
	"github.com/revkeeper/revkeeper/application/export"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/ports"
)

// Formats of an export.
const (
	FormatSnapshot = "snapshot"
	FormatGardener = "gardener"
)

// Destination says where an export goes, and in which format.
type Destination struct {
	Format string
	Place  string // a file; of FormatGardener a folder or a store's URL
}

// Export writes points of a store elsewhere.
type Export struct {
	Restorer *restore.Restorer
	exporter *export.Exporter
	taker    ports.SnapshotTaker
}

// Run exports a point and tells p how that advances.
func (e *Export) Run(ctx context.Context, req export.Request, p restore.Progress) (export.Result, error) {
	return e.exporter.Telling(p).Run(ctx, req, e.taker)
}

func newExport(r *restore.Restorer, e *export.Exporter, to ports.SnapshotTaker) *Export {
	return &Export{Restorer: r, exporter: e, taker: to}
}

// newTaker is the switch over formats. It contacts nobody.
func newTaker(ctx context.Context, to Destination, c config.Store, spool config.Spool, observe ports.Observer) (ports.SnapshotTaker, error) {
	switch to.Format {
	case FormatSnapshot:
		return snapshotfile.New(to.Place), nil
	case FormatGardener:
		from := c
		c.URL = to.Place
		if !strings.Contains(to.Place, "://") {
			folder, err := filepath.Abs(to.Place)
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, "open store", to.Place, err)
			}
			c.URL = (&url.URL{Scheme: config.SchemeFile, Path: folder}).String()
		}
		if err := apart(from, c); err != nil {
			return nil, err
		}
		bare, err := openStore(ctx, c)
		if err != nil {
			return nil, err
		}
		store, err := patientStore(bare, c, observe)
		if err != nil {
			return nil, err
		}
		return gardener.NewExporter(store, spool.Dir), nil
	}
	return nil, fault.New(fault.Unsupported, "export", to.Format, "this build has no such format")
}

// apart refuses a target inside the store that is exported from.
func apart(from, to config.Store) error {
	store, err := placeOf(from)
	if err != nil {
		return err
	}
	target, err := placeOf(to)
	if err != nil {
		return err
	}
	return rule.Apart(store, target)
}

func placeOf(c config.Store) (rule.Place, error) {
	at, err := c.Location()
	if err != nil {
		return rule.Place{}, err
	}
	switch at.Scheme {
	case config.SchemeFile:
		folder, err := local.Resolve(at.Folder)
		return rule.Place{Tree: "file://", Path: filepath.ToSlash(folder)}, err
	case config.SchemeS3:
		// The region does not tell buckets apart: names are unique at a server.
		return rule.Place{Tree: "s3://" + at.S3.Bucket + " at " + strings.ToLower(strings.TrimRight(at.S3.Endpoint, "/")), Path: at.S3.Prefix}, nil
	}
	return rule.Place{Tree: at.Scheme}, nil
}
