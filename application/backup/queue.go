package backup

import (
	"context"
	"sync"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// errSpillFull ends a session: the watch is given up rather than slowed down,
// for a slow watcher costs etcd more than a full does.
var errSpillFull = fault.New(fault.Unavailable, "spill", "", "what waits for the store has reached its limit").
	WithRemedy("see why uploads fail; raise backup.spill.size to bridge longer outages")

// queue holds sealed deltas, in order, until the store has them.
type queue struct {
	limit, memory int64

	mu       sync.Mutex
	sealed   []ports.SealedDelta
	bytes    int64 // of sealed
	inMem    int64 // of bytes
	changed  chan struct{}
	poisoned error // what the next delta is refused with

	// Deltas are numbered from 1 as they arrive.
	pushed            int64 // the newest
	stored            int64 // the newest that the store has
	lostAfter, lostTo int64 // those last dropped: above the one, up to the other
}

func newQueue(limit, memory int64) *queue {
	return &queue{limit: limit, memory: memory, changed: make(chan struct{})}
}

// push adds a delta; the queue owns it from then on, also when it refuses it
// with errSpillFull.
func (q *queue) push(d ports.SealedDelta) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.poisoned != nil {
		err := q.poisoned
		q.poisoned = nil
		d.Release()
		return err
	}
	if q.bytes+d.Size > q.limit && len(q.sealed) > 0 {
		d.Release()
		return errSpillFull
	}
	q.sealed = append(q.sealed, d)
	q.pushed++
	q.bytes += d.Size
	q.inMem += d.InMemory
	q.signal()
	return nil
}

// memoryLeft returns how much the next delta may keep off the disk.
func (q *queue) memoryLeft() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(0, q.memory-q.inMem)
}

// oldest waits for the delta to upload next, which stays in the queue.
func (q *queue) oldest(ctx context.Context) (ports.SealedDelta, error) {
	for {
		q.mu.Lock()
		if len(q.sealed) > 0 {
			d := q.sealed[0]
			q.mu.Unlock()
			return d, nil
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ports.SealedDelta{}, ctx.Err()
		}
	}
}

// pop removes the oldest delta, once it is stored.
func (q *queue) pop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.sealed[0]
	q.stored = q.pushed - int64(len(q.sealed)) + 1
	q.sealed = q.sealed[1:]
	q.bytes -= d.Size
	q.inMem -= d.InMemory
	d.Release()
	q.signal()
}

// newest describes the delta that reaches furthest; ok is false for none.
func (q *queue) newest() (snapshot.Envelope, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.sealed) == 0 {
		return snapshot.Envelope{}, false
	}
	return q.sealed[len(q.sealed)-1].Envelope, true
}

// waiting lists what the store does not have yet of a timeline, in order.
func (q *queue) waiting(epoch int) []timeline.Delta {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []timeline.Delta
	for _, d := range q.sealed {
		if d.Ref.Epoch == epoch {
			out = append(out, timeline.Delta{Ref: d.Ref, Size: d.Size})
		}
	}
	return out
}

// size returns the bytes that wait.
func (q *queue) size() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// last returns the number of the newest delta, in the order of arrival.
func (q *queue) last() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pushed
}

// waitEmpty waits until nothing is left.
func (q *queue) waitEmpty(ctx context.Context) error {
	return q.wait(ctx, func() (bool, error) { return len(q.sealed) == 0, nil })
}

// waitStored waits until the store has the delta of that number and all before
// it. One that was dropped instead is Unavailable.
func (q *queue) waitStored(ctx context.Context, number int64) error {
	return q.wait(ctx, func() (bool, error) {
		if q.lostAfter < number && number <= q.lostTo {
			return true, errDropped
		}
		return q.stored >= number, nil
	})
}

var errDropped = fault.New(fault.Unavailable, "take snapshot", "", "the backup ended here before the delta was stored; etcd still has what it held")

// wait waits until ready says so; mu is held while it is asked.
func (q *queue) wait(ctx context.Context, ready func() (bool, error)) error {
	for {
		q.mu.Lock()
		done, err := ready()
		changed := q.changed
		q.mu.Unlock()
		if done {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takePoison returns what poisoned the queue since it was asked last; whoever
// gets it ends the session.
func (q *queue) takePoison() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.poisoned
	q.poisoned = nil
	return err
}

// poison drops everything and refuses the next delta with err, which ends the
// session that made it.
func (q *queue) poison(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.release()
	q.poisoned = err
}

// drop releases everything.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.release()
}

// release empties the queue. The caller holds mu.
func (q *queue) release() {
	for _, d := range q.sealed {
		d.Release()
	}
	if len(q.sealed) > 0 {
		q.lostAfter, q.lostTo = q.pushed-int64(len(q.sealed)), q.pushed
	}
	q.sealed, q.bytes, q.inMem = nil, 0, 0
	q.signal()
}

// signal wakes all waiters. The caller holds mu.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}
