package extract

import (
	"bytes"
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// Live is what a live cluster has of a key.
type Live struct {
	Mod   int64 // revision that wrote it; 0: the key is not there
	Value []byte
}

// Action is what becomes of a key of the backup in a live cluster.
type Action string

// The actions. The last three leave the live key alone.
const (
	Create    Action = "create"    // it is not there
	Overwrite Action = "overwrite" // it is there with another value, and that may go
	Same      Action = "same"      // it is there with this value
	Differs   Action = "differs"   // it is there with another value, which stays
	NoLease   Action = "no-lease"  // nobody knows for how long its lease was granted
	// Changed: somebody wrote or deleted it after it was looked at.
	Changed Action = "changed"
)

// Actions lists every action.
func Actions() []Action { return []Action{Create, Overwrite, Same, Differs, NoLease, Changed} }

// Writes reports whether the action writes the key.
func (a Action) Writes() bool { return a == Create || a == Overwrite }

// Allowed is what may be done to keys that are there.
type Allowed struct {
	Overwrite bool // replace another value
	// Force writes even a key that somebody changed after it was looked at.
	Force bool
}

// Decide returns what is to become of a key, by how the live cluster had it when
// it was looked at. Whether its lease, if any, can be had is for the caller to say.
func Decide(kv record.KeyValue, live Live, lease bool, may Allowed) Action {
	switch {
	case live.Mod != 0 && bytes.Equal(live.Value, kv.Value):
		return Same
	case live.Mod != 0 && !may.Overwrite:
		return Differs
	case !lease:
		return NoLease
	case live.Mod != 0:
		return Overwrite
	}
	return Create
}

// Outran returns what became of a key that was not written, by how it is now: it
// was as wanted when it was looked at, or it was changed since, and then somebody
// else may have written the very value, or an earlier try did.
func Outran(kv record.KeyValue, now Live) Action {
	if now.Mod != 0 && bytes.Equal(now.Value, kv.Value) {
		return Same
	}
	return Changed
}

// LeaseFate is what becomes of a lease that keys are to be attached to.
type LeaseFate string

// The fates.
const (
	Attach  LeaseFate = "attach"  // the live cluster has it
	Grant   LeaseFate = "grant"   // it is granted anew, with the id and TTL that it had
	Default LeaseFate = "default" // it is granted anew, and its TTL is not the one that it had
	Unknown LeaseFate = "unknown" // nobody knows its TTL
)

// DecideLease returns what becomes of a lease, and the TTL to grant it with, in
// seconds. backup is what the backup knows of it, live what the cluster does;
// defaultTTL is for those that nobody knows, 0 to leave them.
func DecideLease(backup, live snapshot.Lease, defaultTTL int64) (LeaseFate, int64) {
	switch {
	case live.State == snapshot.LeaseGranted:
		return Attach, 0
	case backup.State == snapshot.LeaseGranted && backup.TTL > 0:
		return Grant, backup.TTL
	case defaultTTL > 0:
		return Default, defaultTTL
	}
	return Unknown, 0
}

// At returns the revision at which live keys are looked at: the one of a plan,
// or the newest. A plan of a revision that the cluster has not reached is Invalid:
// it is another cluster's. One below its compact revision is Conflict.
func At(planned, head, compact int64) (int64, error) {
	op, object := "put keys back", fmt.Sprintf("revision %d", planned)
	switch {
	case planned == 0:
		return head, nil
	case planned > head:
		return 0, fault.New(fault.Invalid, op, object, fmt.Sprintf("the live cluster is at revision %d only: the plan is another cluster's", head)).
			WithRemedy("plan with --dry-run on this one")
	case planned < compact:
		return 0, fault.New(fault.Conflict, op, object, fmt.Sprintf("the live cluster was compacted at revision %d since the plan, so it cannot tell any more how the keys were", compact)).
			WithRemedy("plan again with --dry-run")
	}
	return planned, nil
}
