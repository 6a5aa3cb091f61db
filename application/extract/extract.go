// Package extract takes single keys out of a backup: into a file, or back into a
// live cluster.
package extract

import (
	"bytes"
	"context"
	"io"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/application/restore"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	looking "github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// Request says which keys, as they were when.
type Request struct {
	inspect.Where
	Prefix []byte
	Exact  bool // only the key that the prefix is
}

// Extractor takes keys out of one bucket and changes nothing in it.
type Extractor struct {
	inside *inspect.Inspector
}

// New returns an Extractor.
func New(i *inspect.Inspector) *Extractor { return &Extractor{inside: i} }

// Telling returns an Extractor that tells p how its reading advances.
func (x *Extractor) Telling(p restore.Progress) *Extractor {
	return &Extractor{inside: x.inside.Telling(p)}
}

// Written is what a file got.
type Written struct {
	inspect.View
	Keys, Bytes int64
}

// Write writes keys to w, oldest change first, as domain/extract says. What was
// written is worth nothing if it returns an error.
func (x *Extractor) Write(ctx context.Context, req Request, w io.Writer) (Written, error) {
	var out Written
	put := func(line []byte, err error) error {
		if err != nil {
			return err
		}
		n, err := w.Write(line)
		out.Bytes += int64(n)
		return err
	}
	err := x.inside.At(ctx, req.Where, func(b inspect.Rebuilt) error {
		out.View = b.View
		leases, err := b.Leases(ctx)
		if err != nil {
			return err
		}
		lines, first, err := rule.NewLines(rule.Header{Timeline: b.Epoch, Revision: b.Revision, Prefix: req.Prefix, Suspect: b.Suspect, Warnings: b.Warnings})
		if err := put(first, err); err != nil {
			return err
		}
		err = each(b, req, func(kv record.KeyValue) error {
			out.Keys++
			return put(lines.Entry(kv, granted(leases, kv.Lease)))
		})
		if err != nil {
			return err
		}
		return put(lines.Trailer())
	})
	return out, err
}

// granted is the TTL of a lease in seconds, 0 for not known.
func granted(leases snapshot.Leases, id int64) int64 {
	if l := leases[id]; l.State == snapshot.LeaseGranted {
		return l.TTL
	}
	return 0
}

// each calls f with the keys that lived, in the order of their last change. Their
// bytes are valid until f returns.
func each(b inspect.Rebuilt, req Request, f func(record.KeyValue) error) error {
	living, err := looking.Living(b, req.Prefix)
	if err != nil {
		return err
	}
	for r, err := range looking.Each(b, living) {
		if err != nil {
			return err
		}
		kv, err := record.ParseKeyValue(r.KeyValue)
		if err != nil {
			return err
		}
		if req.Exact && !bytes.Equal(kv.Key, req.Prefix) {
			continue
		}
		if err := f(kv); err != nil {
			return err
		}
	}
	return nil
}
