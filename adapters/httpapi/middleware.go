package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// maxBody bounds what a request may send, in bytes: a run of as many members as
	// etcd can have takes a part of it.
	maxBody = 64 << 10
	// bodyTime is how long a request's body may take to arrive.
	bodyTime = 10 * time.Second
	// replyTime is how long a reply may take to be written once it is known.
	replyTime = 30 * time.Second

	ordinaryTime = 30 * time.Second
	listTime     = 5 * time.Minute // a bucket may hold a million objects
	deltaTime    = 5 * time.Minute
	fullTime     = time.Hour
	rebuildTime  = 6 * time.Hour
	drillTime    = 2 * rebuildTime // what differs is rebuilt twice
)

// timeFor returns how long a request may take; 0 for the event stream, which
// bounds each of its writes itself.
func timeFor(path string) time.Duration {
	switch path {
	case "/events":
		return 0
	case "/v1/snapshots", "/v1/snapshots/latest":
		return listTime
	case "/v1/snapshots/delta":
		return deltaTime
	case "/v1/snapshots/full", "/v1/retention/runs":
		return fullTime
	case "/v1/rebuilds":
		return rebuildTime
	case "/v1/drills":
		return drillTime
	default:
		return ordinaryTime
	}
}

// bounded ends a request that takes too long and a connection that does not
// take its reply. A limit for all requests alike, as http.Server has it, would
// have to be the longest of them.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := timeFor(r.URL.Path)
		if limit == 0 {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		// Writers that cannot be bounded are those of tests.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + replyTime))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bufferedBody takes the body off the connection before the handler, which finds
// it in memory; hardly any operation reads one. It is bounded here and not by
// http.Server's ReadTimeout, which would also end requests that only take long to
// be answered.
func (s *Server) bufferedBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(bodyTime))
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err != nil {
				s.badBody(w, r, err)
				return
			}
			_ = control.SetReadDeadline(time.Time{})
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) badBody(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	writeProblem(w, r, status, &fault.Error{Kind: fault.Invalid, Op: r.Method, Object: r.URL.Path, Err: err,
		Remedy: fmt.Sprintf("no operation reads more than %d bytes, and hardly any a body at all", maxBody)})
}

// headers forbids the page everything but its own style, script and stream, and
// keeps answers out of caches.
func headers(next http.Handler) http.Handler {
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; " +
		"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into a problem, if the reply has not begun yet; else
// the connection is cut, so that nobody takes half a reply for a whole one.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := &begun{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			s.log.Error("a handler panicked", "method", r.Method, "path", r.URL.Path, "stack", string(debug.Stack()))
			err := fault.New(fault.Internal, r.Method, r.URL.Path, fmt.Sprintf("the handler panicked: %v", cause)).
				WithRemedy("report this as a defect, with the log of the sidecar")
			s.report(r, http.StatusInternalServerError, err)
			if reply.done {
				panic(http.ErrAbortHandler)
			}
			writeProblem(w, r, http.StatusInternalServerError, err)
		}()
		next.ServeHTTP(reply, r)
	})
}

// begun remembers whether a reply has begun.
type begun struct {
	http.ResponseWriter
	done bool
}

func (b *begun) WriteHeader(status int) {
	b.done = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(p []byte) (int, error) {
	b.done = true
	return b.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }

type wantsJSON struct{}

// negotiated remembers for the probes whether the client asked for JSON. The
// contract cannot carry it: OpenAPI has no parameter for Accept.
func negotiated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "application/json") {
			r = r.WithContext(context.WithValue(r.Context(), wantsJSON{}, true))
		}
		next.ServeHTTP(w, r)
	})
}
