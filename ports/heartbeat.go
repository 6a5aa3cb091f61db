package ports

import (
	"context"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
)

// Heartbeats is where every sidecar shows that it is well. It is safe for
// concurrent use.
type Heartbeats interface {
	// Renew renews the heartbeat of b.Name, or makes it where it is missing or
	// was lost, and makes sure that it says what b says. What is stored is
	// written only when it changes. A heartbeat of the same name that another
	// member keeps alive is left to it: Conflict. (In etcd itself nobody of another
	// cluster is alive.) A refusal that does not make
	// the member unwell is a *heartbeat.Suspension in the error's chain;
	// credentials or rights that do not suffice are Unauthorized, else what
	// cannot be had now is Unavailable. It ends with ctx.
	Renew(ctx context.Context, b heartbeat.Beat) error

	// List returns the heartbeats that are there. members is the current member
	// list, for a place where heartbeats can be found by name only; others may
	// return heartbeats of members that are not in it, which the caller sorts
	// out. One that cannot be read as a heartbeat is left out.
	List(ctx context.Context, members []cluster.Member) ([]heartbeat.Seen, error)
}

// BackupMarks is where a leader publishes how far the backup is, for whoever
// watches that and not the store.
type BackupMarks interface {
	// Publish brings what is published up to m. A revision is never lowered. The
	// errors are those of Heartbeats.Renew.
	Publish(ctx context.Context, m heartbeat.Marks) error
}
