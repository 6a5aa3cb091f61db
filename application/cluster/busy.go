package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

// Announcer tells a member's sidecar that its member will be busy.
type Announcer struct {
	own     OwnMember
	members *Members
	observe ports.Observer

	mu      sync.Mutex
	unheard map[cluster.ID]bool // members whose sidecars could not be told the last time
}

// OwnMember takes announcements that concern the own member.
type OwnMember interface {
	Announce(member cluster.ID, reason string, until time.Time) (done func())
}

// NewAnnouncer returns an Announcer.
func NewAnnouncer(own OwnMember, m *Members, o ports.Observer) *Announcer {
	return &Announcer{own: own, members: m, observe: o, unheard: map[cluster.ID]bool{}}
}

// Busy tells the sidecar of a member that its status call will not be answered
// until a deadline, and returns what withdraws that. It takes a few seconds at
// most. A sidecar that cannot be told is no reason to leave undone what is due:
// its role will be Unknown for as long, and an event says so, once until it can be
// told again.
func (a *Announcer) Busy(ctx context.Context, member cluster.ID, reason string, until time.Time) (done func()) {
	if member == a.members.own.View().Member.MemberID {
		return unless(ctx, a.own.Announce(member, reason, until))
	}
	address, id, err := a.tell(ctx, member, reason, until)
	news := a.heard(member, err == nil)
	if err != nil {
		if news {
			a.observe.Observe(event.Event{At: time.Now(), Kind: event.MemberBusy, Level: event.Warn, Err: err,
				Message: fmt.Sprintf("member %s is about to be busy (%s), and its sidecar could not be told: it may be Unknown for a while, then and each time from now on", member, reason)})
		}
		return func() {}
	}
	return unless(ctx, func() {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		if err := a.members.sidecars.Withdraw(ctx, address, id); err != nil {
			a.observe.Observe(event.Event{At: time.Now(), Kind: event.MemberBusy, Err: err,
				Message: fmt.Sprintf("member %s is no longer busy, and its sidecar could not be told; the announcement ends by itself", member)})
		}
	})
}

// heard notes whether a member's sidecar could be told, and reports whether that is
// new.
func (a *Announcer) heard(member cluster.ID, told bool) (news bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	news = a.unheard[member] == told
	a.unheard[member] = !told
	return news
}

// unless withdraws an announcement, but not one whose work was given up: the
// member goes on with what it was asked for, and stays busy.
func unless(ctx context.Context, withdraw func()) func() {
	return func() {
		if ctx.Err() == nil {
			withdraw()
		}
	}
}

// TakeOver tells the sidecar of a member that was given the lead what is left of
// a run of defragmentation.
func (a *Announcer) TakeOver(ctx context.Context, member cluster.ID, h defrag.Handover) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	address, err := a.members.sidecarOf(ctx, member)
	if err != nil {
		return err
	}
	return a.members.sidecars.TakeOver(ctx, address, h)
}

// Drill has a member's sidecar carry out a drill.
func (m *Members) Drill(ctx context.Context, member health.Member, t drill.Task) (drill.Outcome, error) {
	address, err := m.addressOf(member.Entry)
	if err != nil {
		return drill.Outcome{}, err
	}
	return m.sidecars.Drill(ctx, address, t)
}

func (a *Announcer) tell(ctx context.Context, member cluster.ID, reason string, until time.Time) (address, id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	if address, err = a.members.sidecarOf(ctx, member); err != nil {
		return "", "", err
	}
	call, cancelCall := context.WithTimeout(ctx, askTimeout)
	defer cancelCall()
	id, err = a.members.sidecars.Announce(call, address, member, reason, time.Until(until))
	return address, id, err
}

// sidecarOf returns where a member's sidecar can be asked.
func (m *Members) sidecarOf(ctx context.Context, member cluster.ID) (string, error) {
	roster, _, err := m.roster(ctx, m.own.View().Member.ClusterID)
	if err != nil {
		return "", err
	}
	var entry heartbeat.Entry
	if e := heartbeat.Find(roster, member); e != nil {
		entry = *e
	}
	return m.addressOf(entry)
}
