package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// statuses says with which HTTP status each kind of fault is answered. The
// faults are the sidecar's own: unauthorized means that the store or etcd
// refused the sidecar, not that the caller lacks a right, hence 502.
var statuses = map[fault.Kind]int{
	fault.NotFound:     http.StatusNotFound,
	fault.Conflict:     http.StatusConflict,
	fault.Invalid:      http.StatusBadRequest,
	fault.Corrupt:      http.StatusBadGateway,
	fault.Diverged:     http.StatusConflict,
	fault.Immutable:    http.StatusConflict,
	fault.Unauthorized: http.StatusBadGateway,
	fault.Unavailable:  http.StatusServiceUnavailable,
	fault.Unsupported:  http.StatusNotImplemented,
	fault.Internal:     http.StatusInternalServerError,
}

// statusOf returns the HTTP status of an error.
func statusOf(err error) int {
	if status, ok := statuses[kindOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// kindOf is fault.KindOf, except that running out of time is no defect.
func kindOf(err error) fault.Kind {
	kind := fault.KindOf(err)
	if kind == fault.Internal && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return fault.Unavailable
	}
	return kind
}

// fail answers err as a problem and, where the sidecar is to blame, tells the
// observer.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.report(r, status, err)
	}
	writeProblem(w, r, status, err)
}

func (s *Server) report(r *http.Request, status int, err error) {
	level := event.Warn
	if status == http.StatusInternalServerError {
		level = event.Error
	}
	s.sources.Observer.Observe(event.Event{
		At: time.Now(), Kind: event.RequestFailed, Level: level,
		Message: r.Method + " " + r.URL.Path + " could not be served", Err: err,
	})
}

// writeProblem answers err with a status. The remedy has a member of its own.
func writeProblem(w http.ResponseWriter, r *http.Request, status int, err error) {
	problem := openapi.Problem{
		Type:     "about:blank",
		Title:    http.StatusText(status),
		Status:   status,
		Detail:   err.Error(),
		Instance: r.URL.Path,
		Kind:     openapi.FaultKind(kindOf(err)),
	}
	var f *fault.Error
	if errors.As(err, &f) {
		bare := *f
		bare.Remedy = ""
		problem.Remedy = f.Remedy
		if err == error(f) { // else the remedy is somewhere inside the text
			problem.Detail = bare.Error()
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(problem)
}

// badRequest is what the generated code calls for parameters it cannot read.
func (s *Server) badRequest(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(w, r, fault.Wrap(fault.Invalid, "read", "parameters", err))
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, fault.New(fault.NotFound, "find", r.URL.Path, "there is nothing at this path").
		WithRemedy("api.yaml lists every path; the status page is at /"))
}

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if s.router.Match(chi.NewRouteContext(), method, r.URL.Path) {
			w.Header().Add("Allow", method)
		}
	}
	writeProblem(w, r, http.StatusMethodNotAllowed,
		fault.New(fault.Invalid, r.Method, r.URL.Path, "the path does not take this method"))
}

func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, http.StatusForbidden,
		fault.New(fault.Unauthorized, r.Method, r.URL.Path, "a browser sent this on behalf of another site").
			WithRemedy("call the API from a program, or from a page of this server"))
}
