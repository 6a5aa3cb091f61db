// Package eventlog keeps the last events in memory and writes them to a log.
package eventlog

import (
	"context"
	"slices"
	"sync"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	// Capacity is how many events a Ring keeps.
	Capacity = 200
	// backlog is how many events a subscriber may be behind before it misses some.
	backlog = 32
)

// Ring remembers the last Capacity events. Its zero value is ready, and it is
// safe for concurrent use.
type Ring struct {
	mu          sync.Mutex
	events      []event.Event // a ring once it is full
	next        int           // where the oldest is, once it is full
	subscribers map[chan event.Event]struct{}
}

var _ ports.Observer = (*Ring)(nil)

// Observe remembers the event in place of the oldest and hands it to the
// subscribers. A subscriber that is too far behind misses it; nobody blocks.
func (r *Ring) Observe(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) < Capacity {
		r.events = append(r.events, e)
	} else {
		r.events[r.next] = e
		r.next = (r.next + 1) % Capacity
	}
	for s := range r.subscribers {
		select {
		case s <- e:
		default:
		}
	}
}

// Recent returns the remembered events, oldest first. The caller owns the slice.
func (r *Ring) Recent() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.events[r.next:], r.events[:r.next])
}

// Subscribe returns a channel of the events from now on, which is closed when
// ctx ends.
func (r *Ring) Subscribe(ctx context.Context) <-chan event.Event {
	s := make(chan event.Event, backlog)
	r.mu.Lock()
	if r.subscribers == nil {
		r.subscribers = map[chan event.Event]struct{}{}
	}
	r.subscribers[s] = struct{}{}
	r.mu.Unlock()
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.subscribers, s)
		close(s) // under the lock, so that Observe never sends on a closed channel
	})
	return s
}
