package gardener

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// blockBytes is about how much a block of records holds.
const blockBytes = 1 << 20

// errStopped ends a delta whose consumer has had enough.
var errStopped = errors.New("consumer stopped")

// Envelope implements ports.Archive. The format has no description of a delta, so
// the whole of it is read; memory is that of one event and of the ids of leases.
func (a *Archive) Envelope(ctx context.Context, delta snapshot.Ref) (snapshot.Envelope, error) {
	description := snapshot.NewDescriber(delta)
	var seen instants
	_, err := a.each(ctx, delta, func(r record.Record, at time.Time) error {
		seen.add(r.Main, at)
		return description.Write(r)
	})
	if err != nil {
		return snapshot.Envelope{}, err
	}
	env := description.Envelope()
	env.Times = seen.list
	return env, nil
}

// OpenDelta implements ports.Archive. Of env it needs nothing.
func (a *Archive) OpenDelta(ctx context.Context, _ snapshot.Envelope, delta snapshot.Ref) iter.Seq2[ports.Block, error] {
	return func(yield func(ports.Block, error) bool) {
		var b block
		_, err := a.each(ctx, delta, func(r record.Record, at time.Time) error {
			b.add(r, at)
			if b.bytes >= blockBytes && !yield(b.take(), nil) {
				return errStopped
			}
			return nil
		})
		switch {
		case errors.Is(err, errStopped):
		case err != nil:
			yield(ports.Block{}, err)
		case len(b.Records) > 0:
			yield(b.take(), nil)
		}
	}
}

// each reads a delta whole and visits its changes; it returns the bytes that were
// read of the object. An error names the object.
func (a *Archive) each(ctx context.Context, delta snapshot.Ref, visit func(record.Record, time.Time) error) (int64, error) {
	body, err := a.open(ctx, delta)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n := 0
	err = readEvents(body, a.event, delta.First, delta.Last, func(r record.Record, at time.Time) error {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if at.IsZero() {
			at = delta.At // by when it was certainly there
		}
		return visit(r, at)
	})
	switch {
	case errors.Is(err, errStopped), err == nil:
		return body.stored, err
	case ctx.Err() != nil:
		return body.stored, ctx.Err()
	}
	return body.stored, damaged(delta.Key(), err)
}

// block collects records up to about blockBytes.
type block struct {
	ports.Block
	bytes int
}

func (b *block) add(r record.Record, at time.Time) {
	if len(b.Records) == 0 || at.Before(b.NotBefore) {
		b.NotBefore = at
	}
	if at.After(b.NotAfter) {
		b.NotAfter = at
	}
	b.Records = append(b.Records, r)
	b.bytes += r.KeySize() + len(r.KeyValue)
}

func (b *block) take() ports.Block {
	full := b.Block
	*b = block{}
	return full
}
