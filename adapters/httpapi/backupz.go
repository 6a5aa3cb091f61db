package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// GetBackupz answers whether the backup meets its objective.
func (s *Server) GetBackupz(ctx context.Context, _ openapi.GetBackupzRequestObject) (openapi.GetBackupzResponseObject, error) {
	asJSON, _ := ctx.Value(wantsJSON{}).(bool)
	return freshReply{Freshness: freshnessOf(s.sources.Status.View()), asJSON: asJSON}, nil
}

// freshReply answers as text or as JSON. It replaces the replies that are
// generated for each.
type freshReply struct {
	openapi.Freshness
	asJSON bool
}

// VisitGetBackupzResponse writes the answer.
func (f freshReply) VisitGetBackupzResponse(w http.ResponseWriter) error {
	status, word := http.StatusOK, openapi.ProbeStatusOk
	if !f.Fresh {
		status, word = http.StatusServiceUnavailable, openapi.ProbeStatusFailed
	}
	if f.asJSON {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		return json.NewEncoder(w).Encode(f.Freshness)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write([]byte(string(word) + "\n" + oneLine(f.Reason) + "\n"))
	return err
}
