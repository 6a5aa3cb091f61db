package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/role"
)

const (
	// hopsHeader marks a request that a sidecar handed on.
	hopsHeader = "Revkeeper-Hops"
	// maxForwarded bounds the leader's answer, in bytes.
	maxForwarded = 1 << 20
)

// leaderOnly are the requests that only the leader's sidecar can serve.
func leaderOnly(r *http.Request) bool {
	return slices.Contains([]string{
		"POST /v1/snapshots/full",
		"POST /v1/snapshots/delta",
		"GET /v1/defragmentations",
		"POST /v1/defragmentations",
		"POST /v1/retention/runs",
		"POST /v1/drills",
	}, r.Method+" "+r.URL.Path)
}

// forwarded hands what only the leader can serve on to it. A sidecar that leads
// serves it itself, and says why where its backup is not running.
func (s *Server) forwarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !leaderOnly(r) || s.sources.Leader == nil || s.sources.Peers == nil {
			next.ServeHTTP(w, r)
			return
		}
		view := s.sources.Status.View()
		if view.Role == role.Leader {
			next.ServeHTTP(w, r)
			return
		}
		if err := s.forward(w, r); err != nil {
			s.fail(w, r, stranded(r, view.Role, err))
		}
	})
}

// stranded is the error of a request that cannot be handed on. What can be done
// about the cause can be done about it.
func stranded(r *http.Request, as role.Role, cause error) error {
	remedy := "try again soon, or ask the sidecar of the member that leads etcd"
	if f, ok := cause.(*fault.Error); ok && f.Remedy != "" { //nolint:errorlint // of the cause itself
		bare := *f
		remedy, bare.Remedy = f.Remedy, ""
		cause = &bare
	}
	return &fault.Error{Kind: fault.Unavailable, Op: r.Method, Object: r.URL.Path,
		Detail: fmt.Sprintf("this sidecar is %s and cannot hand the request on to the leader's", as), Err: cause, Remedy: remedy}
}

// forward hands a request on and its answer back. It returns an error as long as
// nothing is answered.
func (s *Server) forward(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get(hopsHeader) != "" {
		return errors.New("it was handed on already: another sidecar takes this one for the leader's")
	}
	address, err := s.sources.Leader.Leader(r.Context())
	switch {
	case err != nil:
		return err
	case address == "":
		return errors.New("the leader's heartbeat names no address")
	case address == s.Advertised():
		return fault.New(fault.Unavailable, "find leader", address, "the leader's heartbeat names this sidecar's own address").
			WithRemedy("set http.advertise, or http.listen, of each sidecar to an address that the others reach")
	}
	base, err := client.Base(address)
	if err != nil {
		return err
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, base.String()+r.URL.RequestURI(), nil)
	if err != nil {
		return err
	}
	out.Header.Set(hopsHeader, "1")
	for _, name := range []string{"Accept", "Authorization", "User-Agent"} {
		if values := r.Header.Values(name); len(values) > 0 {
			out.Header[name] = values
		}
	}
	answer, err := s.sources.Peers.RoundTrip(out)
	if err != nil {
		return client.Unreached(address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxForwarded+1))
	switch {
	case err != nil:
		return client.Unreached(address, err)
	case len(body) > maxForwarded:
		return fmt.Errorf("%s answers more than %d bytes", address, maxForwarded)
	}
	passOn(w, answer, body)
	return nil
}

// passOn answers what the leader answered.
func passOn(w http.ResponseWriter, answer *http.Response, body []byte) {
	h := w.Header()
	for _, name := range []string{"Content-Type", "Www-Authenticate", "Retry-After"} {
		if values := answer.Header.Values(name); len(values) > 0 {
			h[name] = values
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // the client may be gone; there is nobody else to tell
}
