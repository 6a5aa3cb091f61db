package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// envelopesAtOnce is how many deltas are asked for their times side by side.
const envelopesAtOnce = 32

// Moment finds what an instant means in revisions. epoch 0 means the timeline
// that was being written then. A delta that cannot be read is passed over: its
// revisions are then not known to have been written by the instant.
func (r *Rebuilder) Moment(ctx context.Context, epoch int, at time.Time) (chain.Moment, error) {
	c, err := r.archive.Catalogue(ctx)
	if err != nil {
		return chain.Moment{}, err
	}
	h, err := chain.LocateMoment(&c, epoch, at)
	if err != nil {
		return chain.Moment{}, err
	}
	search := chain.NewMomentSearch(h, at)
	for batch := search.Next(envelopesAtOnce); len(batch) > 0; batch = search.Next(envelopesAtOnce) {
		envelopes, err := each(ctx, batch, r.whole, passedOver)
		if err != nil {
			return chain.Moment{}, err
		}
		for _, env := range envelopes {
			search.Learn(env.Times)
		}
	}
	return search.Result()
}

// passedOver lets a delta go that is damaged or gone.
func passedOver(_ timeline.Delta, err error) error {
	if errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// whole reads the description of a delta, whatever that takes.
func (r *Rebuilder) whole(ctx context.Context, d timeline.Delta) (snapshot.Envelope, error) {
	return r.archive.Envelope(ctx, d.Ref)
}

// each reads what deltas say of themselves at once, in order. Of one for which
// failed returns nil it is empty.
func each(ctx context.Context, deltas []timeline.Delta, read func(context.Context, timeline.Delta) (snapshot.Envelope, error), failed func(timeline.Delta, error) error) ([]snapshot.Envelope, error) {
	out := make([]snapshot.Envelope, len(deltas))
	g, ctx := errgroup.WithContext(ctx)
	for i, d := range deltas {
		g.Go(func() error {
			env, err := read(ctx, d)
			if err != nil {
				return failed(d, err)
			}
			out[i] = env
			return nil
		})
	}
	return out, g.Wait()
}

// BeforeDelete returns the revision before the newest deletion of a key that a
// delta of the timeline holds, and the timeline; epoch 0 means the newest one.
// It reads deltas from the newest down. That no delta holds one is NotFound: a
// full alone does not tell when a key went.
func (r *Rebuilder) BeforeDelete(ctx context.Context, epoch int, key []byte) (revision int64, at int, err error) {
	c, err := r.archive.Catalogue(ctx)
	if err != nil {
		return 0, 0, err
	}
	h, _, err := chain.LocateSuspect(&c, epoch, chain.Latest) // to find a revision is not to restore it
	if err != nil {
		return 0, 0, err
	}
	var newest int64
	for _, d := range chain.NewestFirst(h) {
		if d.Last <= newest {
			break // what is left cannot hold a newer one
		}
		deleted, err := r.newestDelete(ctx, d, key)
		if err != nil {
			return 0, 0, err
		}
		newest = max(newest, deleted)
	}
	if newest > 0 {
		return newest - 1, h.Epoch, nil
	}
	oldest := "it holds no delta"
	if len(h.Deltas) > 0 {
		oldest = fmt.Sprintf("its deltas begin at revision %d", h.Deltas[0].First)
	}
	return 0, 0, fault.New(fault.NotFound, "find deletion", string(key),
		fmt.Sprintf("no delta of timeline %d holds one; %s", h.Epoch, oldest)).
		WithRemedy("check the key, byte for byte; choose another --timeline, or a revision")
}

// newestDelete returns the newest revision of a delta that deletes key, 0 for
// none.
func (r *Rebuilder) newestDelete(ctx context.Context, d timeline.Delta, key []byte) (int64, error) {
	env, err := r.described(ctx, d)
	if err != nil {
		return 0, err
	}
	var newest int64
	for b, err := range r.archive.OpenDelta(ctx, env, d.Ref) {
		if err != nil {
			return 0, err
		}
		for _, rec := range b.Records {
			if !rec.Tombstone {
				continue
			}
			deleted, err := record.Key(rec.KeyValue)
			if err != nil {
				return 0, err
			}
			if bytes.Equal(deleted, key) {
				newest = rec.Main
			}
		}
	}
	return newest, nil
}
