package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/role"
)

// GetLivez answers whether the supervisor is alive.
func (s *Server) GetLivez(ctx context.Context, request openapi.GetLivezRequestObject) (openapi.GetLivezResponseObject, error) {
	alive := func(yield func(string, error) bool) { yield("supervisor", s.sources.Health.Live()) }
	return s.probe(ctx, alive, request.Params.Verbose != nil), nil
}

// GetReadyz answers whether every readiness check passes. The role is told, not
// judged.
func (s *Server) GetReadyz(ctx context.Context, request openapi.GetReadyzRequestObject) (openapi.GetReadyzResponseObject, error) {
	return s.probe(ctx, s.sources.Health.Checks(), request.Params.Verbose != nil), nil
}

// GetHealthz answers whether the own member is healthy.
func (s *Server) GetHealthz(context.Context, openapi.GetHealthzRequestObject) (openapi.GetHealthzResponseObject, error) {
	if memberHealthy(s.sources.Status.View()) {
		return openapi.GetHealthz200JSONResponse{Health: true}, nil
	}
	return openapi.GetHealthz503JSONResponse{Health: false}, nil
}

// memberHealthy reports whether the own member answered and knows a leader. A
// role other than Unknown says so, save at start, when nobody was asked yet.
func memberHealthy(v health.View) bool {
	return v.Role != role.Unknown && !v.SeenAt.IsZero()
}

// probeReply answers a probe as text or as JSON. It replaces the four replies
// that are generated for each probe.
type probeReply struct {
	openapi.Probe
	asJSON  bool
	verbose bool
}

func (s *Server) probe(ctx context.Context, checks iter.Seq2[string, error], verbose bool) probeReply {
	view := s.sources.Status.View()
	asJSON, _ := ctx.Value(wantsJSON{}).(bool)
	p := probeReply{asJSON: asJSON, verbose: verbose, Probe: openapi.Probe{
		Status: openapi.ProbeStatusOk, Role: openapi.Role(view.Role), Reason: view.Reason, Checks: []openapi.Check{},
	}}
	for name, err := range checks {
		check := openapi.Check{Name: name, Passed: err == nil}
		if err != nil {
			p.Status = openapi.ProbeStatusFailed
			check.Detail = err.Error()
		}
		p.Checks = append(p.Checks, check)
	}
	return p
}

// VisitGetLivezResponse writes the answer.
func (p probeReply) VisitGetLivezResponse(w http.ResponseWriter) error { return p.write(w) }

// VisitGetReadyzResponse writes the answer.
func (p probeReply) VisitGetReadyzResponse(w http.ResponseWriter) error { return p.write(w) }

func (p probeReply) write(w http.ResponseWriter) error {
	status := http.StatusOK
	if p.Status != openapi.ProbeStatusOk {
		status = http.StatusServiceUnavailable
	}
	if p.asJSON {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		return json.NewEncoder(w).Encode(p.Probe)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write([]byte(p.text()))
	return err
}

// text is what Kubernetes' own probes look like. Failed checks are always
// named: whoever reads this wants to know why.
func (p probeReply) text() string {
	var b strings.Builder
	for _, c := range p.Checks {
		switch {
		case !c.Passed:
			fmt.Fprintf(&b, "[-] %s: %s\n", c.Name, oneLine(c.Detail))
		case p.verbose:
			fmt.Fprintf(&b, "[+] %s\n", c.Name)
		}
	}
	fmt.Fprintf(&b, "%s\nrole %s: %s\n", p.Status, p.Role, oneLine(p.Reason))
	return b.String()
}

// oneLine keeps a text from passing for lines of its own.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
