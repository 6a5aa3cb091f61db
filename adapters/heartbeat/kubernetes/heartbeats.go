// Package kubernetes keeps heartbeats and backup marks in Leases of Kubernetes,
// in the form that etcd-druid reads.
package kubernetes

import (
	"context"
	"fmt"
	"strconv"
	"time"

	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

// Annotations of a member's Lease. The first is etcd-druid's, the others carry
// what a holder's identity has no room for.
const (
	annotationPeerTLS = "member.etcd.gardener.cloud/tls-enabled"
	annotationName    = "revkeeper.github.io/name"
	annotationAddress = "revkeeper.github.io/address"
	annotationVersion = "revkeeper.github.io/version"
)

const (
	opRenew = "renew heartbeat"
	opList  = "list heartbeats"
)

// Heartbeats keeps each heartbeat in a Lease. Ages are by the clock of who
// looks and that of who renewed, so the clocks must agree to well within the
// duration. It is safe for concurrent use.
type Heartbeats struct {
	config Config
	writes *leases
	looks  *leases
}

var _ ports.Heartbeats = (*Heartbeats)(nil)

// New returns both adapters on one API server. It reads files and contacts
// nobody. The kubeconfig is read once; tokens and certificates that it or the
// pod names as files are read again, so they rotate without a restart.
func New(cfg Config) (*Heartbeats, *Marks, error) {
	if err := fault.Problems(cfg.Validate()).OrNil(); err != nil {
		return nil, nil, err
	}
	c, err := connect(cfg)
	if err != nil {
		return nil, nil, err
	}
	var clients [3]*leases
	for i := range clients {
		if clients[i], err = c.leases(); err != nil {
			return nil, nil, err
		}
	}
	return &Heartbeats{config: cfg, writes: clients[0], looks: clients[1]}, &Marks{config: cfg, leases: clients[2]}, nil
}

// Renew implements ports.Heartbeats. Where the Lease is missing it is made, if
// that is allowed.
func (h *Heartbeats) Renew(ctx context.Context, b heartbeat.Beat) error {
	name := h.config.memberLease(b.Name)
	if !isLeaseName(name) {
		return fault.New(fault.Invalid, opRenew, h.writes.object(name), "is not the name of a Lease").
			WithRemedy("set heartbeat.kubernetes.memberLease, or name the sidecar after its pod")
	}
	return h.writes.settle(ctx, opRenew, name, func(have *coordination.Lease) (*change, error) {
		now := time.Now()
		if have != nil {
			if err := h.leftTo(have, b, now); err != nil {
				return nil, err
			}
		}
		return h.renewal(b, now), nil
	})
}

// leftTo returns why the Lease is another member's, nil if it is not.
func (h *Heartbeats) leftTo(have *coordination.Lease, b heartbeat.Beat, now time.Time) error {
	other, ok := parseHolder(have.Spec.HolderIdentity)
	if !ok || other.same(b.MemberID, b.ClusterID) || have.Spec.RenewTime == nil {
		return nil
	}
	ttl := h.ttl(have)
	old := age(have.Spec.RenewTime.Time, now, ttl)
	if old >= ttl {
		return nil
	}
	return fault.New(fault.Conflict, opRenew, h.writes.object(have.Name),
		fmt.Sprintf("member %s of cluster %s renewed it %s ago, this is member %s of cluster %s",
			other.member, other.cluster, old.Round(time.Millisecond), b.MemberID, b.ClusterID)).
		WithRemedy(fmt.Sprintf("give each sidecar a name of its own; if that member is gone, it is free in %s", (ttl - old).Round(time.Second)))
}

// renewal is what the Lease says after b.
func (h *Heartbeats) renewal(b heartbeat.Beat, now time.Time) *change {
	identity := holder{member: b.MemberID, cluster: b.ClusterID, leader: b.Leader}.String()
	renewed := meta.NewMicroTime(now)
	seconds := int32(h.config.Duration / time.Second)
	c := &change{
		spec:        coordination.LeaseSpec{HolderIdentity: &identity, RenewTime: &renewed, LeaseDurationSeconds: &seconds},
		annotations: map[string]*string{},
	}
	if b.PeerTLS != nil {
		tls := strconv.FormatBool(*b.PeerTLS)
		c.annotations[annotationPeerTLS] = &tls
	}
	for key, value := range map[string]string{annotationName: b.Name, annotationAddress: b.Address, annotationVersion: b.Version} {
		c.annotations[key] = nil
		if value != "" {
			c.annotations[key] = &value
		}
	}
	return c
}

// List implements ports.Heartbeats. It gets one Lease after the other, by the
// members' names, so that nobody needs the right to list all there are. Rights
// go by name too, so one that cannot be read says nothing about the others: it is
// left out, and told only where no heartbeat was found at all.
func (h *Heartbeats) List(ctx context.Context, members []cluster.Member) ([]heartbeat.Seen, error) {
	var out []heartbeat.Seen
	var first error
	asked := map[string]bool{}
	for _, m := range members {
		name := h.config.LeasePrefix + m.Name
		// A member that never started has no name.
		if m.Name == "" || asked[name] || !isLeaseName(name) {
			continue
		}
		asked[name] = true
		lease, err := h.looks.get(ctx, opList, name)
		switch {
		case err != nil && first == nil:
			first = err
		case err == nil && lease != nil:
			if seen, ok := h.read(lease, m.Name, time.Now()); ok {
				out = append(out, seen)
			}
		}
	}
	if len(out) == 0 {
		return nil, first
	}
	return out, nil
}

// read returns the heartbeat in a Lease; ok is false if there is none. One of
// etcd-backup-restore has the member's name and no address.
func (h *Heartbeats) read(lease *coordination.Lease, name string, now time.Time) (s heartbeat.Seen, ok bool) {
	by, ok := parseHolder(lease.Spec.HolderIdentity)
	if !ok || by.cluster == 0 || lease.Spec.RenewTime == nil {
		return heartbeat.Seen{}, false
	}
	if n := lease.Annotations[annotationName]; n != "" {
		name = n
	}
	ttl := h.ttl(lease)
	return heartbeat.Seen{
		Card: heartbeat.Card{
			Name: name, ClusterID: by.cluster, MemberID: by.member,
			Address: lease.Annotations[annotationAddress], Version: lease.Annotations[annotationVersion],
		},
		Age: age(lease.Spec.RenewTime.Time, now, ttl), TTL: ttl,
	}, true
}

// ttl is what the Lease says, or our own where it says nothing.
func (h *Heartbeats) ttl(lease *coordination.Lease) time.Duration {
	if s := lease.Spec.LeaseDurationSeconds; s != nil && *s > 0 {
		return time.Duration(*s) * time.Second
	}
	return h.config.Duration
}

// age is never negative, since clocks differ a little. A renewal further ahead
// than the TTL is of a clock that was wrong: it would look alive for as long as
// it is ahead, so it counts as gone like one that is as far behind.
func age(renewed, now time.Time, ttl time.Duration) time.Duration {
	d := now.Sub(renewed)
	if d <= -ttl {
		return -d
	}
	return max(0, d)
}
