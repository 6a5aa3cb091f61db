package httpapi

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

//go:embed page.gohtml page.css page.js
var files embed.FS

var pageTemplate = template.Must(template.New("page.gohtml").Funcs(template.FuncMap{
	"count": count,
	"bytes": byteSize,
	"utc":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" },
}).ParseFS(files, "page.gohtml"))

// partIDs are the parts of the page that are sent again when they change, each
// a template of that name and the content of the element of that id.
var partIDs = []string{"who", "numbers", "members", "windows", "objects", "retention", "defrag", "events", "about"}

// part is the content of one element of the page.
type part struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// page answers the whole page.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, s.model(time.Now())); err != nil {
		s.fail(w, r, fault.Wrap(fault.Internal, "render", "page", err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w) // the client may be gone; there is nobody else to tell
}

// parts renders the parts that may change. Instants are absolute in them, so
// that a part stays the same while nothing but time goes by.
func (s *Server) parts() []part {
	m := s.model(time.Time{})
	out := make([]part, 0, len(partIDs))
	for _, id := range partIDs {
		var b bytes.Buffer
		if err := pageTemplate.ExecuteTemplate(&b, id, m); err != nil {
			b.Reset()
			b.WriteString("This part cannot be shown.")
			s.log.Error("a part of the page cannot be rendered", "part", id, "error", err)
		}
		out = append(out, part{ID: id, HTML: b.String()})
	}
	return out
}

// asset serves an embedded file.
func asset(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		http.ServeFileFS(w, r, files, name)
	}
}
