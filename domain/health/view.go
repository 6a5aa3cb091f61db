// Package health is what a sidecar says of itself.
package health

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// View is all that one sidecar says of itself at one moment.
type View struct {
	Name      string // of the member
	Version   string // of revkeeper
	StartedAt time.Time
	Endpoint  string // of the own member
	Store     string // where backups go, without secrets

	Role      role.Role
	Since     time.Time  // when the role was taken
	Reason    string     // why
	Sight     role.Sight // what the last poll of the own member found; empty before it, and in the view of another sidecar
	Duties    []role.Duty
	Member    cluster.Status // last answer of the own member
	SeenAt    time.Time      // when it answered; zero if never
	Backup    Backup
	Fresh     Freshness // of the backup, by the configured objective
	Heartbeat heartbeat.State
	Retention retention.State // of this sidecar; it works while it leads
	Proof     proof.Standing
}

// Backup is how the backup is, as far as this sidecar knows: a leader from its
// own work, another from its last look at the store.
type Backup struct {
	Phase     string // what the leader is doing: "watching", "taking a full", "waiting for the store", …; empty on others
	Epoch     int    // timeline being written or last seen
	Durable   int64  // newest revision in the store
	DurableAt time.Time
	Live      int64 // newest revision of the cluster known here
	// CaughtUpAt is when everything the cluster had was last known to be in the
	// store; the time since is the recovery point objective in seconds.
	CaughtUpAt  time.Time
	Windows     []chain.Range // restorable revisions of the timeline
	LastFull    *snapshot.Ref
	LastDelta   *snapshot.Ref
	SpillBytes  int64 // sealed deltas that wait for the store
	LastError   string
	LastErrorAt time.Time
}

// Lag returns how far the store is behind the cluster, in revisions, never
// negative.
func (b Backup) Lag() int64 { return max(0, b.Live-b.Durable) }
