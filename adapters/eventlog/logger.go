package eventlog

import (
	"log/slog"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/ports"
)

// The keys of the attributes.
const (
	keyEvent    = "event"
	keyTimeline = "timeline"
	keyRevision = "revision"
	keyBytes    = "bytes"
	keyRecords  = "records"
	keyTook     = "took"
	keyError    = "error"
	keyFault    = "fault"
)

// Logger returns an observer that writes each event to log: the message, and an
// attribute for each field that applies.
func Logger(log *slog.Logger) ports.Observer { return logger{log} }

type logger struct{ log *slog.Logger }

// Observe writes the event at its level.
func (l logger) Observe(e event.Event) {
	switch attrs := attributes(e); e.Level {
	case event.Error:
		l.log.Error(e.Message, attrs...)
	case event.Warn:
		l.log.Warn(e.Message, attrs...)
	default:
		l.log.Info(e.Message, attrs...)
	}
}

func attributes(e event.Event) []any {
	attrs := []any{slog.String(keyEvent, string(e.Kind))}
	if e.Epoch != 0 {
		attrs = append(attrs, slog.Int(keyTimeline, e.Epoch))
	}
	if e.Revision != 0 {
		attrs = append(attrs, slog.Int64(keyRevision, e.Revision))
	}
	if e.Records != 0 {
		attrs = append(attrs, slog.Int64(keyRecords, e.Records))
	}
	if e.Bytes != 0 {
		attrs = append(attrs, slog.Int64(keyBytes, e.Bytes))
	}
	if e.Took != 0 {
		attrs = append(attrs, slog.Duration(keyTook, e.Took))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String(keyFault, string(e.FaultKind())), slog.Any(keyError, e.Err))
	}
	return attrs
}

// Fan returns an observer that tells each of observers, in order. Nil ones are
// left out.
func Fan(observers ...ports.Observer) ports.Observer {
	var f fan
	for _, o := range observers {
		if o != nil {
			f = append(f, o)
		}
	}
	return f
}

type fan []ports.Observer

// Observe tells every observer.
func (f fan) Observe(e event.Event) {
	for _, o := range f {
		o.Observe(e)
	}
}
