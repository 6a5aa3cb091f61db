// Package revkeeper reads and writes buckets in revkeeper's own format, which
// docs/format.md specifies.
package revkeeper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/revkeeper/revkeeper/adapters/internal/codec"
	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// maxDescription bounds the small JSON objects.
const maxDescription = 16 << 20

// Archive implements ports.Archive over a store.
type Archive struct{ store ports.ObjectStore }

var _ ports.Archive = (*Archive)(nil)

// New returns an Archive over store, which stays the caller's.
func New(store ports.ObjectStore) *Archive { return &Archive{store: store} }

// Catalogue implements ports.Archive.
func (a *Archive) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	objects, err := a.list(ctx, nil, "", "")
	if err != nil {
		return timeline.Catalogue{}, err
	}
	return a.catalogued(ctx, objects)
}

// list appends the objects after a key and before another, "" for no end.
func (a *Archive) list(ctx context.Context, into []timeline.Object, after, before string) ([]timeline.Object, error) {
	for o, err := range a.store.List(ctx, "", after) {
		if err != nil {
			return into, fmt.Errorf("list the bucket: %w", err)
		}
		if before != "" && o.Key >= before {
			break
		}
		into = append(into, timeline.Object{Key: o.Key, Size: o.Size})
	}
	return into, nil
}

// catalogued sorts a listing, and adds what the small objects in it say.
func (a *Archive) catalogued(ctx context.Context, objects []timeline.Object) (timeline.Catalogue, error) {
	c := timeline.Catalog(objects)
	if slices.ContainsFunc(objects, func(o timeline.Object) bool { return o.Key == snapshot.FormatKey }) {
		f, err := a.format(ctx)
		if err != nil {
			return timeline.Catalogue{}, err
		}
		c.Format = &f
	}
	for i := range c.Timelines {
		h := &c.Timelines[i]
		if !h.Described {
			continue
		}
		t, err := a.timeline(ctx, h.Epoch)
		if errors.Is(err, fault.Corrupt) {
			h.Described = false // what it describes is no worse for it
			continue
		}
		if err != nil {
			return timeline.Catalogue{}, err
		}
		h.Timeline = t
	}
	return c, nil
}

func (a *Archive) timeline(ctx context.Context, epoch int) (timeline.Timeline, error) {
	var t timeline.Timeline
	ref := snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: epoch}
	if err := a.readJSON(ctx, ref.Key(), &t); err != nil {
		return t, err
	}
	if t.Epoch != epoch {
		return t, fault.New(fault.Corrupt, "read timeline", ref.Key(), fmt.Sprintf("it describes timeline %d", t.Epoch))
	}
	return t, nil
}

// format reads the bucket's marker and refuses formats of the future.
func (a *Archive) format(ctx context.Context) (snapshot.Format, error) {
	var f snapshot.Format
	if err := a.readJSON(ctx, snapshot.FormatKey, &f); err != nil {
		return f, err
	}
	if f.Format != snapshot.FormatName || f.Version != snapshot.FormatVersion {
		return f, fault.New(fault.Unsupported, "open bucket", snapshot.FormatKey,
			fmt.Sprintf("format %q version %d; this build knows %q version %d", f.Format, f.Version, snapshot.FormatName, snapshot.FormatVersion)).
			WithRemedy("use a newer revkeeper, or another prefix")
	}
	return f, nil
}

// Manifest implements ports.Archive.
func (a *Archive) Manifest(ctx context.Context, full snapshot.Ref) (snapshot.Manifest, error) {
	var m snapshot.Manifest
	key := full.Manifest().Key()
	if err := a.readJSON(ctx, key, &m); err != nil {
		return m, err
	}
	if m.Last != full.Last || m.Compact != full.First {
		return m, fault.New(fault.Corrupt, "read manifest", key,
			fmt.Sprintf("it describes revisions (%d, %d]", m.Compact, m.Last))
	}
	return m, nil
}

// Proof implements ports.Archive.
func (a *Archive) Proof(ctx context.Context, ref snapshot.Ref) (proof.Recorded, error) {
	var p proof.Recorded
	if err := a.readJSON(ctx, ref.Key(), &p); err != nil {
		return p, err
	}
	if p.Revision != ref.Last {
		return p, fault.New(fault.Corrupt, "read proof", ref.Key(), fmt.Sprintf("it is about revision %d", p.Revision))
	}
	return p, nil
}

// Envelope implements ports.Archive.
func (a *Archive) Envelope(ctx context.Context, delta snapshot.Ref) (snapshot.Envelope, error) {
	key := delta.Key()
	env, err := a.envelope(ctx, key)
	if err != nil {
		return env, named(err, "read delta", key)
	}
	if env.Epoch != delta.Epoch || env.First != delta.First || env.Last != delta.Last || snapshot.ID(env.Digest) != delta.ID {
		return env, fault.New(fault.Corrupt, "read delta", key,
			fmt.Sprintf("its envelope describes revisions %d–%d of timeline %d with digest %s", env.First, env.Last, env.Epoch, snapshot.ID(env.Digest)))
	}
	return env, nil
}

func (a *Archive) envelope(ctx context.Context, key string) (snapshot.Envelope, error) {
	// One read gets the tail and, nearly always, the envelope before it.
	const usual = 64 << 10
	o, err := a.store.Stat(ctx, key)
	if err != nil {
		return snapshot.Envelope{}, err
	}
	end, err := a.read(ctx, key, max(0, o.Size-usual), min(o.Size, usual))
	if err != nil {
		return snapshot.Envelope{}, err
	}
	tail := end[max(0, len(end)-codec.TailSize):]
	n, err := codec.EnvelopeLength(tail, o.Size)
	if err != nil {
		return snapshot.Envelope{}, zframe.At(err, "end", max(0, o.Size-int64(codec.TailSize)))
	}
	body := o.Size - n - int64(codec.TailSize)
	if need := n + int64(codec.TailSize); need > int64(len(end)) {
		if end, err = a.read(ctx, key, body, need); err != nil {
			return snapshot.Envelope{}, err
		}
	} else {
		end = end[int64(len(end))-need:]
	}
	env, err := codec.ParseEnvelope(end[:n], end[n:], body)
	return env, zframe.At(err, "envelope", body)
}

// OpenFull implements ports.Archive.
func (a *Archive) OpenFull(ctx context.Context, full snapshot.Ref) (io.ReadCloser, error) {
	body, err := a.store.Open(ctx, full.Key(), 0, -1)
	if err != nil {
		return nil, err
	}
	return a.decompressed(body, full)
}

// decompressed is the plain content of a stored full. The result owns body; on an
// error it is closed.
func (a *Archive) decompressed(body io.ReadCloser, full snapshot.Ref) (io.ReadCloser, error) {
	key := full.Key()
	if full.Compression == snapshot.Uncompressed {
		return body, nil
	}
	r, err := zframe.NewReader(body)
	if err != nil {
		return nil, errors.Join(named(err, "open full", key), body.Close())
	}
	return &fullReader{r: r, body: body, key: key}, nil
}

// fullReader decompresses a full and names it in errors.
type fullReader struct {
	r    *zframe.Reader
	body io.Closer
	key  string
}

func (f *fullReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		err = named(err, "read full", f.key)
	}
	return n, err
}

func (f *fullReader) Close() error { return errors.Join(f.r.Close(), f.body.Close()) }

// readJSON reads a small object. One that is no JSON is Corrupt.
func (a *Archive) readJSON(ctx context.Context, key string, into any) error {
	data, err := a.read(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.Wrap(fault.Corrupt, "read", key, err)
	}
	return nil
}

func (a *Archive) read(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	r, err := a.store.Open(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, io.LimitReader(r, maxDescription+codec.MaxEnvelope+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if buf.Len() > maxDescription+codec.MaxEnvelope {
		return nil, fault.New(fault.Corrupt, "read", key, "larger than any description revkeeper writes")
	}
	return buf.Bytes(), nil
}

// named adds operation and object to an error that lacks the object.
func named(err error, op, key string) error {
	return &fault.Error{Kind: fault.KindOf(err), Op: op, Object: key, Err: err, Remedy: remedy(err)}
}

func remedy(err error) string {
	if errors.Is(err, fault.Corrupt) {
		return "the object is damaged; a restore plans around it where another path exists"
	}
	return ""
}
