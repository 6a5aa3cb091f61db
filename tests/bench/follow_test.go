package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/ports"
)

// follow runs the backup duty with the settings of production until revision Until is in the store.
func follow(o order) (report, error) {
	s, err := assemble(o)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	duty, err := settings().Backup.Duty()
	if err != nil {
		return report{}, err
	}
	duty.Full.Next = nil // no full because it happens to be night
	seen := &arrival{Watcher: s.Watcher, revision: o.Until, arrived: make(chan struct{})}
	state := backup.NewState()
	b := backup.New(duty, signed, s.archive, s.writer, s.Cluster, seen, s.taker(), observe, state)

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	began, took := time.Now(), time.Duration(0)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.Run(ctx) })
	g.Go(func() error {
		defer stop()
		select {
		case <-seen.arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
		_, err := b.TakeDelta(ctx)
		took = time.Since(began)
		return err
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return report{}, err
	}
	if durable := state.Backup().Durable; durable != o.Until {
		return report{}, fmt.Errorf("durable up to revision %d, want %d: %s", durable, o.Until, state.Backup().LastError)
	}
	r := report{Took: took}
	c, err := s.archive.Catalogue(context.Background())
	for _, t := range c.Timelines {
		for _, d := range t.Deltas {
			r.Bytes += d.Size
			r.Records++ // of objects
		}
	}
	return r, err
}

// arrival tells when the backup has taken everything up to a revision off its watch.
type arrival struct {
	ports.Watcher
	revision int64
	once     sync.Once
	arrived  chan struct{}
}

func (a *arrival) Watch(ctx context.Context, from int64) (ports.Watch, error) {
	w, err := a.Watcher.Watch(ctx, from)
	if err != nil {
		return nil, err
	}
	return &watched{Watch: w, arrival: a}, nil
}

type watched struct {
	ports.Watch
	*arrival
	last int64
}

// Next is called again when the backup has done with the changes before.
func (w *watched) Next() (ports.Changes, error) {
	if w.last >= w.revision {
		w.once.Do(func() { close(w.arrived) })
	}
	c, err := w.Watch.Next()
	if err == nil {
		w.last = c.Records[len(c.Records)-1].Main
	}
	return c, err
}
