// Package etcd keeps heartbeats in the etcd cluster itself: a key for each
// sidecar, on a lease that the sidecar keeps alive. Keeping it alive is no
// proposal of raft and makes no revision; the key is written only when it is
// missing or has to say something else.
package etcd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	opRenew = "renew heartbeat"
	opList  = "list heartbeats"
)

const (
	// races is how often a renewal looks again after somebody else was faster.
	races = 8
	// lookups is how many leases a List asks for at once.
	lookups = 8
	// maxListed bounds what a List reads, in keys.
	maxListed = 1000
)

// Voters speaks to the voting members of the cluster. Ask runs ask with the
// connection of one after the other until one can answer; ask may be run again
// on a connection that broke under it. Errors are of domain/fault.
type Voters interface {
	Ask(ctx context.Context, op string, ask func(context.Context, grpc.ClientConnInterface) error) error
}

// Heartbeats is a ports.Heartbeats. What a sidecar that began anew must know is
// in etcd, so it holds nothing of its own heartbeat.
type Heartbeats struct {
	voters  Voters
	dir     string       // what the keys begin with
	seconds int64        // the TTL that is asked for
	granted atomic.Int64 // the TTL that was last given: etcd has a minimum
}

var _ ports.Heartbeats = (*Heartbeats)(nil)

// New returns the heartbeats under a prefix. c has been validated.
func New(voters Voters, c Config) *Heartbeats {
	return &Heartbeats{voters: voters, dir: c.Prefix + "/members/", seconds: c.seconds()}
}

// Renew implements ports.Heartbeats. A steady renewal is one linearizable read
// of the key and one LeaseKeepAlive of its lease.
func (h *Heartbeats) Renew(ctx context.Context, b heartbeat.Beat) error {
	if !validName(b.Name) {
		return fault.New(fault.Invalid, opRenew, b.Name, "the name is empty, or has a slash, a space or a character that cannot be printed").
			WithRemedy("give the sidecar another --name")
	}
	value, err := encode(b.Card)
	if err != nil {
		return err
	}
	r := renewal{h: h, card: b.Card, value: value}
	defer r.release(ctx)
	for range races {
		if done, err := r.once(ctx); done || err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, opRenew, h.dir+b.Name, "somebody else changes it all the time")
}

// renewal is one Renew.
type renewal struct {
	h     *Heartbeats
	card  heartbeat.Card
	value []byte
	spare int64 // a lease that was granted here and is not known to carry the key; 0 for none
}

// once looks at the key and brings it to what it should be. It returns false if
// somebody else was faster.
func (r *renewal) once(ctx context.Context) (done bool, err error) {
	found, err := r.h.read(ctx, r.card.Name)
	if err != nil {
		return false, err
	}
	lease, err := r.h.keep(ctx, found, r.card)
	if err != nil {
		return false, err
	}
	if lease == r.spare {
		r.spare = 0 // a write whose answer was lost
	}
	if lease != 0 && bytes.Equal(found.value, r.value) {
		return true, nil
	}
	if lease == 0 {
		if r.spare == 0 {
			if r.spare, err = r.h.grant(ctx, found.key); err != nil {
				return false, err
			}
		}
		lease = r.spare
	}
	written, err := r.h.write(ctx, found, r.value, lease)
	lost := errors.Is(err, rpctypes.ErrLeaseNotFound)
	if (written || lost) && lease == r.spare {
		r.spare = 0
	}
	if lost {
		return false, nil
	}
	return written, err
}

// release gives back what was granted in vain.
func (r *renewal) release(ctx context.Context) {
	if r.spare != 0 {
		r.h.revoke(ctx, r.spare)
	}
}

// keep keeps what was found alive, if it is of c's member, and returns its
// lease. 0 means that there is no heartbeat to go on with, and that the key may
// be written; another member's that is alive is Conflict. Another cluster's came
// with a restore, which brings its lease along too: nobody in this etcd keeps it
// alive, and the lease is left to expire.
func (h *Heartbeats) keep(ctx context.Context, found entry, c heartbeat.Card) (lease int64, err error) {
	has, ok := decode(c.Name, found.value)
	if !ok || found.lease == 0 || has.ClusterID != c.ClusterID {
		return 0, nil // nobody keeps it alive
	}
	if has.MemberID == c.MemberID {
		ttl, err := h.keepAlive(ctx, found.lease)
		// Of another TTL than is configured now: a new lease takes over.
		if err != nil || ttl <= 0 || ttl != h.seconds && ttl != h.granted.Load() {
			return 0, err
		}
		return found.lease, nil
	}
	left, granted, err := h.timeToLive(ctx, opRenew, found.lease)
	if err != nil || granted == 0 || left < 0 {
		return 0, err
	}
	return 0, fault.New(fault.Conflict, opRenew, found.key,
		"member "+has.MemberID.String()+" of cluster "+has.ClusterID.String()+" keeps it alive, this is member "+c.MemberID.String()).
		WithRemedy("give each sidecar its own --name; if the other one is gone for good, its heartbeat is so within its TTL")
}

// List implements ports.Heartbeats. It needs no member list. Of more than a
// thousand keys the first are looked at.
func (h *Heartbeats) List(ctx context.Context, _ []cluster.Member) ([]heartbeat.Seen, error) {
	entries, err := h.readAll(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]heartbeat.Seen, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for i, e := range entries {
		c, ok := decode(strings.TrimPrefix(e.key, h.dir), e.value)
		if !ok || e.lease == 0 {
			continue
		}
		group.Go(func() error {
			left, granted, err := h.timeToLive(ctx, opList, e.lease)
			if err == nil && granted > 0 {
				found[i] = seen(c, left, granted)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	there := found[:0]
	for _, s := range found {
		if s.TTL > 0 {
			there = append(there, s)
		}
	}
	return there, nil
}

// seen is a card whose lease has left of granted seconds to live. A new leader
// gives every lease some more than was granted.
func seen(c heartbeat.Card, left, granted int64) heartbeat.Seen {
	return heartbeat.Seen{
		Card: c,
		Age:  time.Duration(max(0, granted-left)) * time.Second,
		TTL:  time.Duration(granted) * time.Second,
	}
}
