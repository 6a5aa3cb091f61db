package httpapi

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// StatusSource tells what the sidecar says of itself, from memory and at once.
type StatusSource interface {
	View() health.View
}

// Snapshots is the store as the API shows it, and the two things that can be
// asked of the backup. Its errors are fault errors; every method ends soon
// after its context does.
type Snapshots interface {
	// Catalogue lists the store.
	Catalogue(ctx context.Context) (timeline.Catalogue, error)
	// TakeFull takes a full now and returns when it is stored; nil if nothing
	// changed since the newest. It is Unavailable where this sidecar does not
	// lead or its backup is not running, Conflict while another full is taken.
	TakeFull(ctx context.Context) (*snapshot.Ref, error)
	// TakeDelta stores what is pending and returns when it is stored; nil if
	// nothing is. It is Unavailable as TakeFull is.
	TakeDelta(ctx context.Context) (*snapshot.Ref, error)
}

// Health answers the probes, from memory and at once.
type Health interface {
	// Live returns nil while the supervisor is alive.
	Live() error
	// Checks yields the name of each readiness check, and why it does not pass
	// or nil, in the order in which they are shown.
	Checks() iter.Seq2[string, error]
}

// Events is the memory of what happened.
type Events interface {
	// Recent returns the last events, oldest first.
	Recent() []event.Event
	// Subscribe returns a channel of the events from now on. It drops events
	// rather than block, and is closed when ctx ends.
	Subscribe(ctx context.Context) <-chan event.Event
}

// Members is the cluster as this sidecar sees it.
type Members interface {
	// Cluster asks every member's sidecar now, each for a bounded time. Its errors
	// are fault errors: Unavailable where the member list cannot be had.
	Cluster(ctx context.Context) (health.Cluster, error)
	// Last returns what was last seen, from memory and at once; empty before the
	// first time.
	Last() health.Cluster
}

// Maintenance keeps what is announced of the own member, from memory and at
// once.
type Maintenance interface {
	// Announce says that a member will not answer its status call for at most the
	// given time. It is Conflict if that is not the own member. The id withdraws it.
	Announce(member cluster.ID, reason string, during time.Duration) (id string, err error)
	// Withdraw ends an announcement, if it has not ended already.
	Withdraw(id string)
}

// Defragmenter is the duty of defragmenting the members. Its errors are fault
// errors.
type Defragmenter interface {
	// Plan says what a run would do now.
	Plan(ctx context.Context, scope defrag.Scope) (defrag.Run, error)
	// Start begins a run and returns at once. It is Unavailable where this sidecar
	// does not lead, Conflict while another run is under way.
	Start(ctx context.Context, scope defrag.Scope) (defrag.Run, error)
	// TakeOver keeps what is left of a run of the sidecar that led before.
	TakeOver(h defrag.Handover)
	// Overview returns what was done and is due, from memory and at once.
	Overview() defrag.Overview
}

// Retention tidies the store.
type Retention interface {
	// Tidy deletes what the rule lets go, or in a dry run says what that is. It ends
	// soon after its context does. It is Unavailable where this sidecar does not
	// lead, Conflict while another run goes on.
	Tidy(ctx context.Context, dryRun bool) (retention.Report, error)
}

// Driller rebuilds histories beside the own member.
type Driller interface {
	// Run rebuilds and compares, for hours at most, and ends soon after its context
	// does. It is Conflict while another drill runs here, Unavailable where there is
	// no room for it.
	Run(ctx context.Context, t drill.Task) (drill.Outcome, error)
}

// Drills has what is stored rebuilt and compared, wherever that can be done.
type Drills interface {
	// Ask returns what a drill shows, hours later perhaps, and ends at once when its
	// context does. It is Unavailable where this sidecar does not lead, Conflict while
	// another drill goes on.
	Ask(ctx context.Context) (drill.Report, error)
}

// Leader knows where the leader's sidecar is.
type Leader interface {
	// Leader returns the base URL of the sidecar beside etcd's leader. It ends with
	// ctx, and is Unavailable, with the reason, where there is none that is known.
	Leader(ctx context.Context) (address string, err error)
}

// Sources is everything that the server shows. Status, Snapshots, Health,
// Events, Observer and Metrics must be set. Without one of the others, what
// needs it is answered as unavailable.
type Sources struct {
	Status    StatusSource
	Snapshots Snapshots
	Health    Health
	Events    Events
	Observer  ports.Observer // is told of requests that could not be served
	Metrics   http.Handler   // serves /metrics

	Members     Members
	Maintenance Maintenance
	Defrag      Defragmenter
	Retention   Retention
	Driller     Driller
	Drills      Drills
	Leader      Leader
	Peers       http.RoundTripper // reaches other sidecars: a client.Client
}
