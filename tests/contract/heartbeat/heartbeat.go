// Package heartbeat is the contract suite of ports.Heartbeats.
package heartbeat

import (
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

// patience bounds every wait. It is many times what is expected.
const patience = 60 * time.Second

// World is a fresh, empty place for heartbeats, and what can be done there
// behind an adapter's back. What is nil cannot be done there; the cases then
// leave out what needs it.
type World struct {
	// Open returns a new adapter on the place, as a sidecar has that just began:
	// it remembers nothing of the others'. The world closes what must be closed.
	Open func(t *testing.T) ports.Heartbeats
	// TTL is that of the heartbeats. Nothing waits for its end, so it is best far
	// longer than a case may take: a minute.
	TTL time.Duration
	// Lapse brings the heartbeat to where it is when nobody has renewed it for
	// its TTL. Required.
	Lapse func(t *testing.T, name string)
	// Remove takes the heartbeat away. Required.
	Remove func(t *testing.T, name string)
	// Spoil makes what is stored under name something that cannot be read as a
	// heartbeat; the name need not have been in use. Required.
	Spoil func(t *testing.T, name string)
	// Unreachable returns an adapter on a place that takes connections and never
	// answers. Required.
	Unreachable func(t *testing.T) ports.Heartbeats
	// Shared says that several clusters may beat at the place. Where each has its
	// own, as in etcd, another cluster's heartbeat came with a restore and is not
	// alive.
	Shared bool
	// Writes counts what was ever written at the place. nil where renewing is
	// itself a write.
	Writes func(t *testing.T) int64
}

// ClusterID is the cluster of every heartbeat that the suite makes.
const ClusterID = cluster.ID(0xc1c2c3c4c5c6c7c8)

// Members is the member list that the suite gives. Each member's heartbeat has
// the member's name, so that a place where one can only ask by name finds it.
func Members() []cluster.Member {
	return []cluster.Member{
		{ID: 0xa1a2a3a4a5a6a7a8, Name: "etcd-main-0", PeerURLs: []string{"https://etcd-main-0:2380"}},
		{ID: 0xb2, Name: "etcd-main-1", PeerURLs: []string{"https://etcd-main-1:2380"}},
		{ID: 0xd3, Name: "etcd-main-2", PeerURLs: []string{"https://etcd-main-2:2380"}},
	}
}

// Beat returns the heartbeat of one of Members.
func Beat(member int) heartbeat.Beat {
	m := Members()[member]
	return heartbeat.Beat{Card: heartbeat.Card{
		Name: m.Name, ClusterID: ClusterID, MemberID: m.ID,
		Address: "https://" + m.Name + ":8380", Version: "v1.2.3",
	}, Leader: member == 0, PeerTLS: new(true)}
}

// Run holds an implementation to the contract; open returns a fresh World for
// each case.
func Run(t *testing.T, implementation string, open func(t *testing.T) World) {
	t.Helper()
	t.Logf("contract suite of Heartbeats, implementation: %s", implementation)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w World)
	}{
		{"where nobody beats there is nothing", nobody},
		{"the first renewal makes it", made},
		{"renewing writes nothing new", renewed},
		{"a renewal makes it young again", youngAgain},
		{"a change of the card is shown", changed},
		{"a sidecar that began anew goes on", restarted},
		{"a sidecar that began anew shows its new address", restartedElsewhere},
		{"one that was removed is made again", removed},
		{"one that lapsed is made again", lapsed},
		{"one that was spoilt is left out and made again", spoilt},
		{"what was no heartbeat gives way to one", spoiltBefore},
		{"the name of another living member is left to it", conflict},
		{"the name of a member that lapsed is free", inherited},
		{"a name that another took meanwhile is left to it", taken},
		{"the same member id of another cluster is another member", otherCluster},
		{"each of several is listed", several},
		{"one without an address or a version is listed", bare},
		{"of two members that want a name at once one gets it", race},
		{"one adapter may be used twice at once", concurrent},
		{"two sidecars of one member may renew at once", twins},
		{"an ended context ends every call", cancelled},
		{"a place that does not answer is unavailable", unreachable},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}
