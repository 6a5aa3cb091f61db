package restore

import (
	"context"
	"errors"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Stream reads deltas in order, a few of them fetched and decoded ahead, without
// a database. It calls each with one after the other; blocks end with at most one
// error, which each returns, and then what came before must not be used. An error
// that a delta is to blame for can be told by BrokenBy.
func (r *Rebuilder) Stream(ctx context.Context, deltas []timeline.Delta, each func(timeline.Delta, snapshot.Envelope, iter.Seq2[ports.Block, error]) error) error {
	g, ctx := errgroup.WithContext(ctx)
	feeds := r.prefetch(ctx, g, deltas, nil)
	g.Go(func() error {
		for f := range feeds {
			<-f.opened
			if f.failed != nil {
				return f.failed
			}
			if err := each(f.delta, f.env, f.each); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return g.Wait()
}

// each yields the blocks of a delta.
func (f *feed) each(yield func(ports.Block, error) bool) {
	for b := range f.blocks {
		if !yield(b, nil) {
			return
		}
	}
	if f.broken != nil {
		yield(ports.Block{}, f.broken)
	}
}

// BrokenBy returns the object that an error of a restore or of Stream is about, if
// it is damaged or gone, so that another way can be tried.
func BrokenBy(err error) (Broken, bool) {
	var bad *objectError
	if !errors.As(err, &bad) {
		return Broken{}, false
	}
	if kind := fault.KindOf(bad.err); kind != fault.Corrupt && kind != fault.NotFound {
		return Broken{}, false
	}
	return Broken{Key: bad.key, Err: bad.err}, true
}

// Blame says which object an error is about, for BrokenBy.
func Blame(key string, err error) error {
	if err == nil {
		return nil
	}
	return &objectError{key, err}
}
