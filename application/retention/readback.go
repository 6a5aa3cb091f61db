package retention

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// readers is how many objects are read back side by side.
const readers = 4

// lookAgain is how long an object that did not read back is taken for damaged
// before it is read again: a full is large, and what is damaged mostly stays so.
const lookAgain = 24 * time.Hour

// memory holds what was read back: objects never change. It is bounded by what the
// bucket holds, as a catalogue is.
type memory struct {
	good map[snapshot.Ref]bool
	bad  map[snapshot.Ref]finding
}

type finding struct {
	why string
	at  time.Time
}

func newMemory() memory {
	return memory{good: map[snapshot.Ref]bool{}, bad: map[snapshot.Ref]finding{}}
}

// prune forgets what the bucket does not hold any more, and what is to be looked at
// again.
func (m *memory) prune(c timeline.Catalogue, now time.Time) {
	there := newMemory()
	keep := func(ref snapshot.Ref) {
		if m.good[ref] {
			there.good[ref] = true
		}
		if f, ok := m.bad[ref]; ok && now.Sub(f.at) < lookAgain {
			there.bad[ref] = f
		}
	}
	for _, h := range c.Timelines {
		for _, f := range h.Fulls {
			keep(f.Ref)
		}
		for _, d := range h.Deltas {
			keep(d.Ref)
		}
	}
	*m = there
}

func (m *memory) damaged() map[snapshot.Ref]string {
	out := make(map[snapshot.Ref]string, len(m.bad))
	for ref, f := range m.bad {
		out[ref] = f.why
	}
	return out
}

// readBack reads what was not read back yet. It reports whether all of it is sound;
// where not, the plan must be made again without it. Where something is not there
// any more, changed says so.
func (r *run) readBack(ctx context.Context, refs []snapshot.Ref) (sound bool, changed string, err error) {
	var rest []snapshot.Ref
	for _, ref := range refs {
		if !r.memory.good[ref] {
			rest = append(rest, ref)
		}
	}
	sound = true
	var mu sync.Mutex
	done := 0
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, ref := range rest {
		g.Go(func() error {
			if gctx.Err() != nil {
				return gctx.Err()
			}
			n, err := r.keep.ReadBack(gctx, ref)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				r.memory.good[ref] = true
			case errors.Is(err, fault.NotFound):
				changed = fmt.Sprintf("%s is not there any more", ref.Key())
			case errors.Is(err, fault.Corrupt):
				sound = false
				r.damagedNow(ref, err)
			default:
				return err
			}
			done++
			r.report.ReadBack++
			r.report.ReadBackBytes += n
			r.progress(Step{Phase: "read back", Done: done, Total: len(rest), Bytes: r.report.ReadBackBytes})
			return nil
		})
	}
	return sound, changed, errors.Join(g.Wait(), ctx.Err())
}

func (r *run) damagedNow(ref snapshot.Ref, err error) {
	now := time.Now()
	r.memory.bad[ref] = finding{why: fault.Brief(err), at: now}
	r.observe.Observe(event.Event{At: now, Kind: event.ObjectDamaged, Level: event.Error, Epoch: ref.Epoch, Revision: ref.Last, Err: err,
		Message: fmt.Sprintf("%s did not read back: it replaces nothing, and what it was to replace stays", ref.Key())})
}

// liveKeys reads how many keys live in the fulls that the rule compares. A
// description that cannot be read says nothing.
func (k *Keeper) liveKeys(ctx context.Context, c timeline.Catalogue) (map[snapshot.Ref]int64, error) {
	out := map[snapshot.Ref]int64{}
	for _, ref := range rule.Compared(c) {
		m, err := k.archive.Manifest(ctx, ref)
		switch {
		case errors.Is(err, fault.NotFound), errors.Is(err, fault.Corrupt):
		case err != nil:
			return nil, err
		case m.LiveKeys != nil:
			out[ref] = *m.LiveKeys
		}
	}
	return out, nil
}
