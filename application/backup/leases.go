package backup

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	// leaseGrace is how long a delta that is due may wait for answers that are
	// on their way. Usually they take a millisecond, and a lease whose TTL no
	// delta names comes back from a restore with a guess.
	leaseGrace   = 250 * time.Millisecond
	leasePause   = 10 * time.Millisecond // between two looks for the answers
	leaseBacklog = 4096                  // ids waiting to be asked about
	leasesKept   = 100_000               // answers kept; beyond that all are forgotten and asked again
)

// leaseBook finds out the TTLs of the leases that keys name. The watch carries
// ids only; a delta is held up for the answers by leaseGrace at most, and what
// it cannot say a later one does.
type leaseBook struct {
	mu      sync.Mutex
	known   snapshot.Leases
	drafted map[int64]struct{} // named by the open draft
	owed    map[int64]struct{} // named as unknown by a sealed delta
	ask     chan int64
	open    int // questions in ask or being asked
}

func newLeaseBook() *leaseBook {
	return &leaseBook{known: make(snapshot.Leases), drafted: map[int64]struct{}{}, owed: map[int64]struct{}{},
		ask: make(chan int64, leaseBacklog)}
}

// begin forgets what a draft named that will never be sealed.
func (l *leaseBook) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.drafted)
}

// note adds a lease that a key of the draft names; 0 is none.
func (l *leaseBook) note(id int64) {
	if id == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.drafted[id]; ok {
		return
	}
	l.drafted[id] = struct{}{}
	if _, ok := l.known[id]; !ok {
		l.want(id)
	}
}

// want asks for a lease if there is room; what finds none is owed and asked for
// again when the next delta is sealed. The caller holds mu.
func (l *leaseBook) want(id int64) {
	select {
	case l.ask <- id:
		l.open++
	default:
	}
}

// pending reports whether answers are still awaited.
func (l *leaseBook) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open > 0
}

// owe takes over what a predecessor could not say before it ended.
func (l *leaseBook) owe(ids []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		if _, ok := l.owed[id]; ok {
			continue
		}
		l.owed[id] = struct{}{}
		if _, ok := l.known[id]; !ok {
			l.want(id)
		}
	}
}

// sealed returns what the delta that is sealed now says of leases: all that its
// keys name, and those that an earlier one could not say yet. What nobody can say
// yet is named again in each, so that whoever goes on finds it in the newest.
func (l *leaseBook) sealed() []snapshot.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(snapshot.Leases, len(l.drafted))
	for id := range l.drafted {
		if lease, ok := l.known[id]; ok {
			out.Learn(lease)
			continue
		}
		out.Learn(snapshot.Lease{ID: id, State: snapshot.LeaseUnknown})
		l.owed[id] = struct{}{}
	}
	named := len(out)
	for _, id := range slices.Collect(maps.Keys(l.owed)) {
		if lease, ok := l.known[id]; ok {
			out.Learn(lease)
			delete(l.owed, id)
		} else {
			if len(out) < named+leaseBacklog { // no more than could be asked for at once
				out.Learn(snapshot.Lease{ID: id, State: snapshot.LeaseUnknown})
			}
			l.want(id)
		}
	}
	clear(l.drafted)
	// An id that is gone can be granted again, with another TTL.
	maps.DeleteFunc(l.known, func(_ int64, lease snapshot.Lease) bool { return lease.State == snapshot.LeaseGone })
	if len(l.known) > leasesKept {
		clear(l.known)
	}
	return out.Sorted()
}

// resolve asks the cluster about leases, one at a time, for as long as ctx
// lasts. A question that fails is asked again with a later delta.
func (l *leaseBook) resolve(ctx context.Context, c ports.Cluster, timeout time.Duration) error {
	for {
		select {
		case id := <-l.ask:
			lease, err := askLease(ctx, c, id, timeout)
			l.mu.Lock()
			l.open--
			if err == nil {
				l.known.Learn(lease)
			}
			l.mu.Unlock()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func askLease(ctx context.Context, c ports.Cluster, id int64, timeout time.Duration) (snapshot.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.LeaseTTL(ctx, id)
}
