// Package cluster is how one sidecar sees the others: who they are, how they do,
// who leads, and how to tell them something.
package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	// askTimeout bounds one question to another sidecar, listTimeout the look for
	// members and heartbeats.
	askTimeout  = 2 * time.Second
	listTimeout = 5 * time.Second
	// refreshInterval is how old the members on the status page can be.
	refreshInterval = 10 * time.Second
)

// Own is what the sidecar knows of itself.
type Own interface {
	View() health.View
}

// Members sees the members of the cluster. It is safe for concurrent use.
type Members struct {
	own      Own
	cluster  ports.Cluster
	beats    ports.Heartbeats
	sidecars ports.Sidecars

	mu        sync.Mutex
	last      health.Cluster
	listed    map[cluster.ID]cluster.Member // as last listed
	addresses map[cluster.ID]string         // of sidecars, from the newest heartbeat that named one
}

// NewMembers returns Members that have not looked yet.
func NewMembers(own Own, c ports.Cluster, b ports.Heartbeats, s ports.Sidecars) *Members {
	return &Members{own: own, cluster: c, beats: b, sidecars: s,
		listed: map[cluster.ID]cluster.Member{}, addresses: map[cluster.ID]string{}}
}

// Listed returns a member as it was last listed, at once; false if it was not.
func (m *Members) Listed(id cluster.ID) (cluster.Member, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	member, ok := m.listed[id]
	return member, ok
}

// Last returns what the last look found, at once.
func (m *Members) Last() health.Cluster {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Watch looks from time to time, for whoever wants an answer at once. It ends
// with ctx.
func (m *Members) Watch(ctx context.Context) error {
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		// What went wrong is in what Last returns.
		_, _ = m.Cluster(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Cluster asks etcd who the members are, and each member's sidecar how it does.
// Without a member list the error says why, and what is returned is the own
// member alone.
func (m *Members) Cluster(ctx context.Context) (health.Cluster, error) {
	own := m.own.View()
	roster, ignored, err := m.roster(ctx, own.Member.ClusterID)
	if err != nil {
		roster = []heartbeat.Entry{{Member: cluster.Member{ID: own.Member.MemberID, Name: own.Name, Learner: own.Member.Learner}}}
	}
	found := health.Cluster{ID: own.Member.ClusterID, Ignored: ignored, Members: make([]health.Member, len(roster))}
	var g errgroup.Group
	for i, e := range roster {
		found.Members[i] = health.Member{Entry: e, Own: e.Member.ID == own.Member.MemberID}
		if found.Members[i].Own {
			found.Members[i].Sidecar = &own
			continue
		}
		g.Go(func() error {
			found.Members[i].Sidecar, found.Members[i].Error = m.ask(ctx, e)
			return nil
		})
	}
	_ = g.Wait() // none of them returns an error
	found = health.Assess(found)
	if err != nil {
		found.Healthy, found.Reasons = false, append([]string{err.Error()}, found.Reasons...)
	}
	if ctx.Err() != nil {
		return found, err // who asked went away: that says nothing about the members
	}
	m.mu.Lock()
	m.last = found
	m.mu.Unlock()
	return found, err
}

// roster matches members and heartbeats. That heartbeats cannot be had is no
// error: members without one are told apart all the same.
func (m *Members) roster(ctx context.Context, id cluster.ID) (roster []heartbeat.Entry, ignored []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	members, err := m.cluster.Members(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list the members: %w", err)
	}
	beats, err := m.beats.List(ctx, members)
	if err != nil {
		ignored = append(ignored, "heartbeats cannot be read: "+fault.Brief(err))
	}
	roster, strangers := heartbeat.Roster(id, members, beats)
	m.remember(roster)
	return roster, append(ignored, strangers...), nil
}

// remember keeps what stays true when a heartbeat cannot be renewed, as while
// etcd is out of space: who the members are, and where their sidecars were.
func (m *Members) remember(roster []heartbeat.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	listed, addresses := map[cluster.ID]cluster.Member{}, map[cluster.ID]string{}
	for _, e := range roster {
		listed[e.Member.ID] = e.Member
		if e.Beat != nil && e.Beat.Address != "" {
			addresses[e.Member.ID] = e.Beat.Address
		} else if old, ok := m.addresses[e.Member.ID]; ok && e.Beat == nil {
			addresses[e.Member.ID] = old
		}
	}
	m.listed, m.addresses = listed, addresses
}

// ask asks a member's sidecar.
func (m *Members) ask(ctx context.Context, e heartbeat.Entry) (*health.View, string) {
	address, err := m.addressOf(e)
	if err != nil {
		return nil, fault.Brief(err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	view, err := m.sidecars.View(ctx, address)
	if err != nil {
		return nil, fault.Brief(err)
	}
	if view.Member.MemberID != e.Member.ID {
		return nil, fmt.Sprintf("at %s the sidecar of member %s answers", address, view.Member.MemberID)
	}
	return &view, ""
}

// Leader returns the address of the sidecar beside etcd's leader. It is
// Unavailable, with the reason, where none is known.
func (m *Members) Leader(ctx context.Context) (string, error) {
	const op = "find leader"
	own := m.own.View()
	roster, _, err := m.roster(ctx, own.Member.ClusterID)
	if err != nil {
		return "", err
	}
	leader := own.Member.Leader
	if own.Role == role.Unknown {
		leader = m.askForLeader(ctx, roster)
	}
	switch e := heartbeat.Find(roster, leader); {
	case leader == 0:
		return "", fault.New(fault.Unavailable, op, "", "no member knows an etcd leader").
			WithRemedy("wait for etcd to elect one; it needs a quorum of its members")
	case leader == own.Member.MemberID:
		return "", fault.New(fault.Unavailable, op, leader.String(), "the own member leads etcd, but this sidecar does not yet").
			WithRemedy("try again soon")
	case e == nil:
		return "", fault.New(fault.Unavailable, op, leader.String(), "the member list does not name it")
	default:
		return m.addressOf(*e)
	}
}

// askForLeader asks all members who leads, for a sidecar whose own member cannot
// say it. Of different answers that of the highest raft term counts; 0 is none.
func (m *Members) askForLeader(ctx context.Context, roster []heartbeat.Entry) cluster.ID {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answers := make([]cluster.Status, len(roster))
	var g errgroup.Group
	for i, e := range roster {
		g.Go(func() error {
			if s, err := m.cluster.MemberStatus(ctx, e.Member); err == nil && s.Leader != 0 {
				answers[i] = s
			}
			return nil
		})
	}
	_ = g.Wait() // none of them returns an error
	var best cluster.Status
	for _, s := range answers {
		if s.RaftTerm > best.RaftTerm {
			best = s
		}
	}
	return best.Leader
}

// addressOf returns where a member's sidecar can be asked: where its heartbeat
// says, or the last one said.
func (m *Members) addressOf(e heartbeat.Entry) (string, error) {
	const op = "find sidecar of member"
	m.mu.Lock()
	known := m.addresses[e.Member.ID]
	m.mu.Unlock()
	switch {
	case known != "":
		return known, nil
	case e.Beat == nil:
		return "", fault.New(fault.Unavailable, op, e.Member.Name, "it has no heartbeat").
			WithRemedy("see whether revkeeper runs beside it")
	default:
		return "", fault.New(fault.Unavailable, op, e.Member.Name, "its heartbeat names no address").
			WithRemedy("set http.listen to an address that others reach, or http.advertise")
	}
}
