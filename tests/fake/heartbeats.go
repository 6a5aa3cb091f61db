package fake

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

// HeartbeatTTL is the TTL of the heartbeats in Heartbeats.
const HeartbeatTTL = 20 * time.Second

// Heartbeats is a ports.Heartbeats in memory, and the place too: one value
// serves the sidecars of all members. As with Kubernetes Leases a heartbeat that
// lapsed stays listed, and another cluster's may be alive; Remove takes one away,
// as etcd does. Time is that of package time, so that under testing/synctest it
// is the bubble's.
type Heartbeats struct {
	mu       sync.Mutex
	stored   map[string]*stored
	writes   int64
	renewals int
	fail     error
	suspend  string
	hang     chan struct{} // closed when hanging ends; nil while nothing hangs
}

type stored struct {
	beat      heartbeat.Beat
	renewedAt time.Time
	spoilt    bool
}

var _ ports.Heartbeats = (*Heartbeats)(nil)

// NewHeartbeats returns an empty place without faults.
func NewHeartbeats() *Heartbeats { return &Heartbeats{stored: map[string]*stored{}} }

// Renew implements ports.Heartbeats.
func (h *Heartbeats) Renew(ctx context.Context, b heartbeat.Beat) error {
	const op = "renew heartbeat"
	if err := h.begin(ctx, op, b.Name); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.suspend != "" {
		return fault.Wrap(fault.Unavailable, op, b.Name, &heartbeat.Suspension{Why: h.suspend})
	}
	s := h.stored[b.Name]
	if s == nil {
		s = &stored{spoilt: true}
	}
	another := s.beat.ClusterID != b.ClusterID || s.beat.MemberID != b.MemberID
	if another && !s.spoilt && !s.seen().Lapsed() {
		return fault.New(fault.Conflict, op, b.Name, "member "+s.beat.MemberID.String()+" keeps it alive").
			WithRemedy("give each sidecar a name of its own")
	}
	if s.spoilt || s.beat.Card != b.Card {
		h.writes++
	}
	h.renewals++
	h.stored[b.Name] = &stored{beat: b, renewedAt: time.Now()}
	return nil
}

// List implements ports.Heartbeats.
func (h *Heartbeats) List(ctx context.Context, _ []cluster.Member) ([]heartbeat.Seen, error) {
	if err := h.begin(ctx, "list heartbeats", ""); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []heartbeat.Seen
	for _, name := range slices.Sorted(maps.Keys(h.stored)) {
		if s := h.stored[name]; !s.spoilt {
			found = append(found, s.seen())
		}
	}
	return found, nil
}

func (s *stored) seen() heartbeat.Seen {
	return heartbeat.Seen{Card: s.beat.Card, Age: time.Since(s.renewedAt), TTL: HeartbeatTTL}
}

// begin returns the error that a call fails with at once, after it has hung
// for as long as it must.
func (h *Heartbeats) begin(ctx context.Context, op, name string) error {
	h.mu.Lock()
	hang := h.hang
	h.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, op, name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fail
}

// Fail makes every call return err until Fail(nil).
func (h *Heartbeats) Fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = err
}

// Suspend makes every renewal a heartbeat.Suspension for the reason, until
// Suspend(""). List goes on.
func (h *Heartbeats) Suspend(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.suspend = why
}

// Hang makes every call wait until its context ends. Hang(false) lets those that
// wait go on.
func (h *Heartbeats) Hang(hang bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case hang && h.hang == nil:
		h.hang = make(chan struct{})
	case !hang && h.hang != nil:
		close(h.hang)
		h.hang = nil
	}
}

// Beat returns the last renewal of the name, lapsed or not, past any fault.
func (h *Heartbeats) Beat(name string) (b heartbeat.Beat, renewedAt time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stored[name]
	if s == nil || s.spoilt {
		return heartbeat.Beat{}, time.Time{}, false
	}
	return s.beat, s.renewedAt, true
}

// Renewals returns how many renewals succeeded.
func (h *Heartbeats) Renewals() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.renewals
}

// Writes returns how many of the renewals stored a card that was not there.
func (h *Heartbeats) Writes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writes
}

// Put stores a heartbeat as some sidecar would have, renewed age ago, past any
// fault.
func (h *Heartbeats) Put(b heartbeat.Beat, age time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored[b.Name] = &stored{beat: b, renewedAt: time.Now().Add(-age)}
}

// Lapse makes a heartbeat one that was last renewed its TTL ago.
func (h *Heartbeats) Lapse(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.stored[name]; s != nil {
		s.renewedAt = time.Now().Add(-HeartbeatTTL)
	}
}

// Remove takes a heartbeat away.
func (h *Heartbeats) Remove(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.stored, name)
}

// Spoil makes what is stored under the name unreadable.
func (h *Heartbeats) Spoil(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stored[name] = &stored{spoilt: true}
}
