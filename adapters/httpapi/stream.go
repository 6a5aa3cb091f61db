package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// maxStreams bounds the open event streams, each of which is an open page.
	maxStreams = 32
	// streamEvery is how often the page is looked at without an event, and
	// streamSettle how long events are gathered before it is.
	streamEvery  = 2 * time.Second
	streamSettle = 200 * time.Millisecond
	// streamQuiet is how long nothing may be sent: a comment then shows both
	// ends that the other is there.
	streamQuiet = 15 * time.Second
	// streamWrite is how long one write may take.
	streamWrite = 10 * time.Second
)

// stream sends the parts of the page that changed, as server-sent events whose
// data is {"id":…,"html":…}. It ends with the request or the server.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.fail(w, r, fault.New(fault.Unavailable, "open", "event stream",
			fmt.Sprintf("%d streams are open, which is the most", maxStreams)).WithRemedy("close another page"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // or a proxy would hold events back
	out := &eventWriter{w: w, control: http.NewResponseController(w), sent: map[string]string{}, at: time.Now()}
	if r.Method == http.MethodHead || out.send([]byte("retry: 2000\n\n")) != nil {
		return
	}
	s.follow(r, out)
}

func (s *Server) follow(r *http.Request, out *eventWriter) {
	ctx := r.Context()
	end := drained(ctx)
	events := s.sources.Events.Subscribe(ctx)
	every := time.NewTicker(streamEvery)
	defer every.Stop()
	settle, settling := time.NewTimer(0), true
	defer settle.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case _, open := <-events:
			if !open {
				return
			}
			if !settling { // counted from the first event, or a flood would starve the page
				settle.Reset(streamSettle)
				settling = true
			}
			continue
		case <-settle.C:
			settling = false
		case <-every.C:
		}
		if err := out.update(s.parts()); err != nil {
			return
		}
	}
}

// eventWriter writes what changed since it last wrote.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sent    map[string]string // part to its HTML
	at      time.Time         // of the last write
}

func (e *eventWriter) update(parts []part) error {
	var b bytes.Buffer
	for _, p := range parts {
		if html, ok := e.sent[p.ID]; ok && html == p.HTML {
			continue
		}
		e.sent[p.ID] = p.HTML
		data, err := json.Marshal(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "data: %s\n\n", data)
	}
	switch {
	case b.Len() > 0:
		return e.send(b.Bytes())
	case time.Since(e.at) >= streamQuiet:
		return e.send([]byte(":\n\n"))
	default:
		return nil
	}
}

func (e *eventWriter) send(data []byte) error {
	// Writers that cannot be bounded are those of tests.
	_ = e.control.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := e.w.Write(data); err != nil {
		return err
	}
	e.at = time.Now()
	return e.control.Flush()
}
