package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// position is where a session starts.
type position struct {
	head    chain.Head
	asked   time.Time // when head was asked for: what is newer was written later
	tail    *chain.Tail
	verdict chain.Verdict
	epoch   int
	from    int64       // first revision to watch
	connect *chain.Tail // the first full must continue this; nil otherwise
	full    fullState
}

// fullState is what is known of the timeline's newest full.
type fullState struct {
	ref   *snapshot.Ref
	bytes int64 // stored bytes of deltas after it
	size  int64
	auth  snapshot.Auth // when it was taken
	// bridge is where what can be restored ends, if the newest deltas begin
	// above it: the full that was to reach over the distance was never finished.
	bridge *chain.Tail
}

// tail returns where the history ends that is stored or waits to be, nil for an
// empty bucket, and the timeline's newest full.
func (b *Backup) tail(ctx context.Context, q *queue) (*chain.Tail, fullState, error) {
	b.state.lists()
	c, err := b.archive.Catalogue(ctx)
	if err != nil {
		return nil, fullState{}, err
	}
	b.noteForeign(c.Foreign)
	h := c.Newest()
	if h != nil {
		b.state.catalogued(h)
	}
	full := newestFull(h, q)
	if full.ref != nil {
		if m, err := b.archive.Manifest(ctx, *full.ref); err == nil {
			full.auth = m.Auth
		}
	}
	if env, ok := q.newest(); ok {
		t := suspected(tailOf(env), h)
		return &t, full, nil
	}
	if h == nil {
		return nil, full, nil
	}
	t, err := b.storedTail(ctx, h)
	if err != nil {
		err = fmt.Errorf("timeline %d: %w", h.Epoch, err)
	}
	t = suspected(t, h)
	return &t, full, err
}

// suspected notes on a tail what a suspect mark of its timeline says.
func suspected(t chain.Tail, h *timeline.History) chain.Tail {
	if h != nil && h.Epoch == t.Epoch {
		t.Good, t.Suspect = h.Good()
	}
	return t
}

// noteForeign tells once of objects that revkeeper did not write. They are left
// alone, but whoever shares a prefix should know.
func (b *Backup) noteForeign(objects []timeline.Object) {
	if len(objects) == 0 || len(objects) == b.foreign {
		return
	}
	b.foreign = len(objects)
	b.observe.Observe(event.Event{At: time.Now(), Kind: event.ForeignObject, Level: event.Warn,
		Message: fmt.Sprintf("%d objects in the bucket are not revkeeper's and are left alone, the first is %s", len(objects), objects[0].Key)})
}

// storedTail reads the object that reaches furthest: a full or a delta.
func (b *Backup) storedTail(ctx context.Context, h *timeline.History) (chain.Tail, error) {
	none := chain.Tail{Epoch: h.Epoch, ClusterID: h.ClusterID, Last: h.First - 1}
	full, delta := h.NewestFull(), h.NewestDelta()
	switch {
	case full == nil && delta == nil:
		return none, nil
	case delta == nil || full != nil && full.Last >= delta.Last:
		m, err := b.archive.Manifest(ctx, full.Ref)
		if err != nil {
			return none, err
		}
		t := chain.Tail{Epoch: h.Epoch, ClusterID: m.ClusterID, Last: m.Last, Raft: m.Raft, Digests: m.Tail, Auth: m.Auth}
		if delta != nil { // it ends no history here, and damaged it owes nothing
			if env, err := b.archive.Envelope(ctx, delta.Ref); err == nil {
				t.Owed = owed(env)
			}
		}
		return t, nil
	default:
		env, err := b.archive.Envelope(ctx, delta.Ref)
		if err != nil {
			return none, err
		}
		return tailOf(env), nil
	}
}

func tailOf(env snapshot.Envelope) chain.Tail {
	t := chain.Tail{Epoch: env.Epoch, ClusterID: env.ClusterID, Last: env.Last, Raft: env.Raft, Digests: env.Tail, Auth: env.Auth, Owed: owed(env)}
	if env.AuthTo != nil {
		t.Auth = *env.AuthTo
	}
	if n := len(env.Times); n > 0 {
		t.SeenAt = env.Times[n-1].NotBefore
	}
	return t
}

// owed are the leases that a delta names without telling their TTL.
func owed(env snapshot.Envelope) []int64 {
	leases := make(snapshot.Leases, len(env.Leases))
	for _, l := range env.Leases {
		leases.Learn(l)
	}
	return leases.Unknown()
}

// newestFull returns the full that the next deltas will follow, given what is
// stored and what waits to be.
func newestFull(h *timeline.History, q *queue) fullState {
	if h == nil || h.NewestFull() == nil {
		return fullState{}
	}
	all := *h
	all.Deltas = slices.Concat(h.Deltas, q.waiting(h.Epoch))
	f := h.NewestFull()
	s := fullState{ref: &f.Ref, size: f.Size}
	cov := chain.Cover(&all)
	if d := all.NewestDelta(); d != nil && !cov.Contains(d.Last) {
		last, _ := cov.Newest()
		s.bridge = &chain.Tail{Epoch: h.Epoch, ClusterID: h.ClusterID, Last: last}
	}
	for _, d := range chain.Outermost(h.Deltas) { // what was rolled up is not there twice
		if d.Last > f.Last {
			s.bytes += d.Size
		}
	}
	return s
}

// signed says who begins to write now, and for which cluster.
func (b *Backup) signed(ctx context.Context, head chain.Head) (snapshot.Writer, error) {
	w, err := b.sign(ctx)
	w.ClusterID, w.BegunAt = head.ClusterID, time.Now().UTC().Truncate(time.Millisecond)
	return w, err
}

// newTimeline describes the timeline that begins at the cluster's head.
func (b *Backup) newTimeline(ctx context.Context, p position) (timeline.Timeline, error) {
	writer, err := b.signed(ctx, p.head)
	t := timeline.Timeline{Reason: p.verdict.Reason, First: p.head.Revision + 1,
		BeganAt: time.Now().UTC().Truncate(time.Millisecond), Writer: writer}
	if p.tail != nil {
		t.Parent, t.Fork = p.tail.Epoch, p.verdict.Fork
	}
	return t, err
}
