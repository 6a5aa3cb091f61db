// Package event is the vocabulary in which revkeeper says what it did and why.
package event

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Kind names what happened; it is a metric label, so the set is closed.
type Kind string

// The kinds of event.
const (
	RoleChanged      Kind = "role_changed"
	TimelineBegan    Kind = "timeline_began"
	Resumed          Kind = "resumed"           // a leader continues the stored history
	WatchLost        Kind = "watch_lost"        // the watch ended; the reason follows
	GapFound         Kind = "gap_found"         // revisions that no object holds
	FullStarted      Kind = "full_started"      //
	FullStored       Kind = "full_stored"       //
	FullFailed       Kind = "full_failed"       //
	DeltaStored      Kind = "delta_stored"      //
	UploadFailed     Kind = "upload_failed"     // an upload is being retried or was given up
	SpillFull        Kind = "spill_full"        // the bounded spill overflowed; the watch was cancelled
	ProofRecorded    Kind = "proof_recorded"    // the cluster's HashKV was written beside a full
	ProofFailed      Kind = "proof_failed"      //
	DrillStarted     Kind = "drill_started"     // what the store holds is rebuilt and compared
	DrillMoved       Kind = "drill_moved"       // a member could not carry it out, another does
	DrillPassed      Kind = "drill_passed"      // it is what the cluster had, as far as hashes are stored
	DrillFailed      Kind = "drill_failed"      // it could not be rebuilt
	TimelineSuspect  Kind = "timeline_suspect"  // what was rebuilt is not what the cluster had
	MembersDisagree  Kind = "members_disagree"  // members hashed one revision to different sums
	MembersAgree     Kind = "members_agree"     // they agree again
	AuthChanged      Kind = "auth_changed"      // etcd's auth revision moved; a full follows
	ForeignObject    Kind = "foreign_object"    // an object that revkeeper did not write
	DutyStarted      Kind = "duty_started"      //
	DutyStopped      Kind = "duty_stopped"      //
	DutyFailed       Kind = "duty_failed"       // a duty ended with an error and will be tried again
	RequestFailed    Kind = "request_failed"    // an admin request could not be served
	RestoreFinished  Kind = "restore_finished"  //
	HeartbeatLost    Kind = "heartbeat_lost"    // the own heartbeat cannot be renewed, or is suspended
	HeartbeatBack    Kind = "heartbeat_back"    // it is renewed again
	MarksFailed      Kind = "marks_failed"      // the backup's revisions could not be published
	LearnerPromoted  Kind = "learner_promoted"  // the own member has a vote now
	PromotionFailed  Kind = "promotion_failed"  //
	MemberBusy       Kind = "member_busy"       // a member is about to be made busy; its sidecar was told, or could not be
	StoreRetried     Kind = "store_retried"     // one attempt at the object store failed
	DeltasRolledUp   Kind = "deltas_rolled_up"  // small deltas became one, which was read back
	FullBuilt        Kind = "full_built"        // a full was built from a full and deltas, proven and stored
	CompactionFailed Kind = "compaction_failed" // deltas or fulls stay as they are
	DefragStarted    Kind = "defrag_started"    // a run begins
	DefragEnded      Kind = "defrag_ended"      // how, and why
	Defragmented     Kind = "defragmented"      // one member is done; Bytes is what was given back, Took its stall
	DefragFailed     Kind = "defrag_failed"     // one member could not be defragmented, or its lead not be moved
	LeadMoved        Kind = "lead_moved"        // etcd's lead went to a member that is defragmented
	AlarmDisarmed    Kind = "alarm_disarmed"    // etcd's NOSPACE alarm
	AlarmStays       Kind = "alarm_stays"       // it was not disarmed, and why
	RetentionRan     Kind = "retention_ran"     // objects were deleted; the reasons follow
	RetentionStopped Kind = "retention_stopped" // nothing may be deleted; the reason is new
	RetentionFailed  Kind = "retention_failed"  // a run ended early, or objects could not be deleted
	ObjectDamaged    Kind = "object_damaged"    // an object did not read back
)

// Level says how much attention an event wants.
type Level int

// The levels, in slog's sense: a decision, something a human should look at, a
// lost capability.
const (
	Info Level = iota
	Warn
	Error
)

// Event is one thing that happened. Zero fields do not apply.
type Event struct {
	At       time.Time
	Kind     Kind
	Level    Level
	Message  string // one sentence for a person, with its reason
	Epoch    int    // timeline
	Revision int64  // last revision concerned
	Bytes    int64
	Records  int64 // changes, for deltas; objects, for retention
	Took     time.Duration
	Err      error
}

// FaultKind returns the kind of the event's error, for labels.
func (e Event) FaultKind() fault.Kind { return fault.KindOf(e.Err) }
