// Package prometheus turns events and the sidecar's view into metrics. Labels
// take their values from closed sets only, and every value exists from the
// start, so that rates begin at nought.
package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

const namespace = "revkeeper"

// The outcomes of an upload.
const (
	stored = "stored"
	failed = "failed"
)

// otherKind stands for a kind of event that is not in kinds.
const otherKind = "other"

// kinds lists every kind of event. A test compares it with the domain.
var kinds = []event.Kind{
	event.RoleChanged, event.TimelineBegan, event.Resumed, event.WatchLost, event.GapFound,
	event.FullStarted, event.FullStored, event.FullFailed, event.DeltaStored, event.UploadFailed,
	event.SpillFull, event.ProofRecorded, event.ProofFailed, event.AuthChanged, event.ForeignObject,
	event.MembersDisagree, event.MembersAgree,
	event.DrillStarted, event.DrillMoved, event.DrillPassed, event.DrillFailed, event.TimelineSuspect,
	event.DutyStarted, event.DutyStopped, event.DutyFailed, event.RequestFailed, event.RestoreFinished,
	event.HeartbeatLost, event.HeartbeatBack, event.MarksFailed, event.LearnerPromoted, event.PromotionFailed,
	event.MemberBusy, event.RetentionRan, event.RetentionStopped, event.RetentionFailed, event.ObjectDamaged,
	event.StoreRetried, event.DeltasRolledUp, event.FullBuilt, event.CompactionFailed,
	event.DefragStarted, event.DefragEnded, event.Defragmented, event.DefragFailed, event.LeadMoved, event.AlarmDisarmed, event.AlarmStays,
}

// upload says which upload an event is about.
type upload struct{ kind, outcome string }

var uploads = map[event.Kind]upload{
	event.FullStored:    {"full", stored},
	event.FullFailed:    {"full", failed},
	event.DeltaStored:   {"delta", stored},
	event.UploadFailed:  {"delta", failed},
	event.ProofRecorded: {"proof", stored},
	event.ProofFailed:   {"proof", failed},
}

// Observer counts events.
type Observer struct {
	events  *client.CounterVec
	errors  *client.CounterVec
	uploads *client.CounterVec
	bytes   *client.CounterVec
	records client.Counter
	full    client.Histogram
	deleted client.Counter // objects
	tidied  client.Counter // bytes
	freed   client.Counter // bytes, of etcd's databases
	stall   client.Histogram
	known   map[event.Kind]bool
}

var _ ports.Observer = (*Observer)(nil)

// NewObserver registers the metrics of an observer. It is Internal if they are
// registered already.
func NewObserver(registry client.Registerer) (*Observer, error) {
	counter := func(name, help string, labels ...string) *client.CounterVec {
		return client.NewCounterVec(client.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	o := &Observer{
		events:  counter("events_total", "Events by kind.", "kind"),
		errors:  counter("errors_total", "Events with an error, by kind of fault.", "fault"),
		uploads: counter("uploads_total", "Uploads by kind of object and outcome; a failed one may have been tried again.", "kind", "outcome"),
		bytes:   counter("upload_bytes_total", "Bytes stored, by kind of object.", "kind"),
		records: client.NewCounter(client.CounterOpts{Namespace: namespace, Name: "stored_changes_total",
			Help: "Changes stored in deltas."}),
		full: client.NewHistogram(client.HistogramOpts{Namespace: namespace, Name: "full_duration_seconds",
			Help:    "How long fulls took that were stored.",
			Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600}}),
		deleted: client.NewCounter(client.CounterOpts{Namespace: namespace, Name: "retention_deleted_objects_total",
			Help: "Objects that retention deleted from the store."}),
		tidied: client.NewCounter(client.CounterOpts{Namespace: namespace, Name: "retention_deleted_bytes_total",
			Help: "Stored bytes of the fulls and deltas among them."}),
		freed: client.NewCounter(client.CounterOpts{Namespace: namespace, Name: "defrag_freed_bytes_total",
			Help: "Bytes of etcd's databases that defragmentation gave back."}),
		stall: client.NewHistogram(client.HistogramOpts{Namespace: namespace, Name: "defrag_stall_seconds",
			Help:    "How long members answered nothing because they defragmented.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800}}),
		known: map[event.Kind]bool{},
	}
	o.begin()
	for _, c := range []client.Collector{o.events, o.errors, o.uploads, o.bytes, o.records, o.full, o.deleted, o.tidied, o.freed, o.stall} {
		if err := registry.Register(c); err != nil {
			return nil, fault.Wrap(fault.Internal, "register", "metrics of events", err)
		}
	}
	return o, nil
}

// begin makes every label value exist.
func (o *Observer) begin() {
	for _, kind := range kinds {
		o.known[kind] = true
		o.events.WithLabelValues(string(kind))
	}
	o.events.WithLabelValues(otherKind)
	for _, kind := range fault.Kinds() {
		o.errors.WithLabelValues(string(kind))
	}
	for _, u := range uploads {
		o.uploads.WithLabelValues(u.kind, u.outcome)
		o.bytes.WithLabelValues(u.kind)
	}
}

// Observe counts the event.
func (o *Observer) Observe(e event.Event) {
	if o.known[e.Kind] {
		o.events.WithLabelValues(string(e.Kind)).Inc()
	} else {
		o.events.WithLabelValues(otherKind).Inc()
	}
	if e.Err != nil {
		o.errors.WithLabelValues(string(e.FaultKind())).Inc()
	}
	if u, ok := uploads[e.Kind]; ok {
		o.uploads.WithLabelValues(u.kind, u.outcome).Inc()
		if u.outcome == stored {
			o.bytes.WithLabelValues(u.kind).Add(float64(max(0, e.Bytes)))
		}
	}
	switch e.Kind {
	case event.DeltaStored:
		o.records.Add(float64(max(0, e.Records)))
	case event.FullStored:
		o.full.Observe(e.Took.Seconds())
	case event.Defragmented:
		o.freed.Add(float64(max(0, e.Bytes)))
		o.stall.Observe(e.Took.Seconds())
	case event.RetentionRan:
		o.deleted.Add(float64(max(0, e.Records)))
		o.tidied.Add(float64(max(0, e.Bytes)))
	}
}
