package httpapi

import (
	"context"
	"strconv"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// The bounds of ListEvents' limit, as api.yaml has them.
const (
	defaultEvents = 200
	maxEvents     = 1000
)

// ListEvents answers the newest events, oldest first.
func (s *Server) ListEvents(_ context.Context, request openapi.ListEventsRequestObject) (openapi.ListEventsResponseObject, error) {
	limit := defaultEvents
	if request.Params.Limit != nil {
		limit = *request.Params.Limit
	}
	if limit < 1 || limit > maxEvents {
		return nil, fault.Problems{{Key: "limit", Value: strconv.Itoa(limit),
			Detail: "is out of range", Remedy: "use 1 to " + strconv.Itoa(maxEvents)}}
	}
	events := s.sources.Events.Recent()
	events = events[max(0, len(events)-limit):]
	out := openapi.ListEvents200JSONResponse{Events: make([]openapi.Event, len(events))}
	for i, e := range events {
		out.Events[i] = eventOf(e)
	}
	return out, nil
}

func eventOf(e event.Event) openapi.Event {
	out := openapi.Event{
		At: e.At.UTC(), Kind: string(e.Kind), Level: levelOf(e.Level), Message: e.Message,
		Timeline: e.Epoch, Revision: e.Revision, Bytes: e.Bytes, Records: e.Records, TookSeconds: e.Took.Seconds(),
	}
	if e.Err != nil {
		out.Error, out.ErrorKind = e.Err.Error(), openapi.FaultKind(e.FaultKind())
	}
	return out
}

func levelOf(l event.Level) openapi.EventLevel {
	switch l {
	case event.Error:
		return openapi.EventLevelError
	case event.Warn:
		return openapi.EventLevelWarn
	default:
		return openapi.EventLevelInfo
	}
}
