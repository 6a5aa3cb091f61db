package ports

import (
	"context"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/health"
)

// Sidecars asks other sidecars, at the addresses that their heartbeats name.
// Every call ends with ctx; a sidecar that does not answer is Unavailable, one
// that refuses our credentials, or whose certificate is not trusted,
// Unauthorized, and an address that cannot be used Invalid.
type Sidecars interface {
	// View returns what a sidecar says of itself.
	View(ctx context.Context, address string) (health.View, error)

	// Announce tells a sidecar that its member will not answer its status call
	// for a while: for as long as the given time at most. The sidecar must be
	// the member's, else it is Conflict. The id withdraws the announcement.
	Announce(ctx context.Context, address string, member cluster.ID, reason string, during time.Duration) (id string, err error)

	// TakeOver tells the sidecar of a member that was given the lead what is left
	// of a run of defragmentation.
	TakeOver(ctx context.Context, address string, h defrag.Handover) error

	// Drill has a sidecar rebuild a history beside its member and compare it, which
	// may take hours. It is Conflict while it drills already, Unavailable where it
	// has no room.
	Drill(ctx context.Context, address string, t drill.Task) (drill.Outcome, error)

	// Withdraw ends an announcement; one that has ended already is no error.
	Withdraw(ctx context.Context, address, id string) error
}
