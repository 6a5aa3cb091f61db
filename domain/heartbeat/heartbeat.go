// Package heartbeat is how the sidecars of one cluster show each other that they
// are well, and where each can be asked. It is the member lease of the mission;
// "lease" alone is etcd's here.
package heartbeat

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Card is what a heartbeat says of its member. It does not change from beat to
// beat, so that beating writes nothing.
type Card struct {
	Name      string // of the sidecar; its heartbeat is kept under it
	ClusterID cluster.ID
	MemberID  cluster.ID
	Address   string // base URL of the sidecar's API; empty if others cannot reach it
	Version   string // of revkeeper
}

// Beat is one renewal: the card, and what a Kubernetes Lease says beside it.
type Beat struct {
	Card
	Leader  bool  // the member leads etcd
	PeerTLS *bool // each of the member's peer URLs is https; nil while that is not known
}

// Seen is a heartbeat as it was found.
type Seen struct {
	Card
	Age time.Duration // since it was last renewed, to about a second
	TTL time.Duration // without renewal it is gone, or counts as gone, at this age
}

// Lapsed reports whether the heartbeat was not renewed in time.
func (s Seen) Lapsed() bool { return s.Age >= s.TTL }

// Suspension says that the cluster refuses heartbeats for a reason that does not
// make the member unwell. It is an error.
type Suspension struct{ Why string }

// Error implements error.
func (s *Suspension) Error() string { return "suspended: " + s.Why }

// NoSpace is the reason of a suspension: etcd refuses lease grants and puts
// while its NOSPACE alarm is raised.
const NoSpace = "NOSPACE"

// Status is how the own heartbeat goes.
type Status string

// The states of the own heartbeat.
const (
	Resting   Status = "resting"   // not due: the role is Unknown, or the sidecar only just began
	Renewed   Status = "renewed"   // the last renewal succeeded
	Suspended Status = "suspended" // refused for a reason that does not make the member unwell
	Failing   Status = "failing"   // the last renewal failed; it is tried again
	Off       Status = "off"       // heartbeats are turned off
)

// Statuses lists every state, for tables that must be complete.
func Statuses() []Status { return []Status{Resting, Renewed, Suspended, Failing, Off} }

// State is how the own heartbeat is.
type State struct {
	Status    Status
	Detail    string    // why it is suspended or fails
	RenewedAt time.Time // of the last success; zero for none yet
}

// Marks is what a leader publishes of the backup beside the heartbeats, for
// whoever watches Kubernetes Leases.
type Marks struct {
	Full    int64 // last revision of the newest full; 0 for none
	FullAt  time.Time
	Delta   int64 // newest revision that deltas reach; 0 for none
	Current bool  // the backup is fresh now, so that the delta's mark may be renewed
}
