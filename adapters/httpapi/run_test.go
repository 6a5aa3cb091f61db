package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// running starts a server on a free port. stop ends it and returns what Run did.
func running(t *testing.T, side *sidecar) (base string, stop func() error) {
	t.Helper()
	server, stop := runningWith(t, side, httpapi.Config{Listen: "127.0.0.1:0"})
	return server.Advertised(), stop
}

func runningWith(t *testing.T, side *sidecar, config httpapi.Config) (server *httpapi.Server, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	server = serverOf(side, config)
	result := make(chan error, 1)
	go func() { result <- server.Run(ctx) }()
	select {
	case <-server.Listening():
	case err := <-result:
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() { _ = stop() })
	return server, stop
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func TestShutdownEndsStreamsAndFinishesRequests(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	side := &sidecar{full: func(context.Context) (*snapshot.Ref, error) {
		close(entered)
		<-release
		return &snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 7, ID: "0a1b2c3d"}, nil
	}}
	base, stop := running(t, side)

	stream := get(t, base+"/events")
	answered := make(chan string, 1)
	go func() {
		request, _ := http.NewRequestWithContext(t.Context(), "POST", base+"/v1/snapshots/full", nil)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()

	if _, err := io.Copy(io.Discard, stream.Body); err != nil { // ends at once, while the full goes on
		t.Errorf("the stream ended with %v", err)
	}
	close(release)
	if body := <-answered; !strings.Contains(body, `"lastRevision":7`) {
		t.Errorf("the request under way got %s", body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	entered := make(chan struct{})
	ended := make(chan error, 1)
	side := &sidecar{full: func(ctx context.Context) (*snapshot.Ref, error) {
		close(entered)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}
	base, stop := running(t, side)
	go func() {
		request, _ := http.NewRequestWithContext(t.Context(), "POST", base+"/v1/snapshots/full", nil)
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-entered
	if err := stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	select {
	case <-ended:
	default:
		t.Error("Run returned before the request had ended")
	}
}

func TestAddressInUseIsSaid(t *testing.T) {
	base, _ := running(t, &sidecar{})
	err := serverOf(&sidecar{}, httpapi.Config{Listen: strings.TrimPrefix(base, "http://")}).Run(t.Context())
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unavailable || f.Remedy == "" {
		t.Errorf("Run returned %v", err)
	}
}

func TestMissingCertificateIsSaidAtStart(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none.pem")
	err := serverOf(&sidecar{}, httpapi.Config{Listen: "127.0.0.1:0",
		TLS: httpapi.TLSConfig{CertFile: nowhere, KeyFile: nowhere}}).Run(t.Context())
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), nowhere) {
		t.Errorf("Run returned %v", err)
	}
}

func TestServerMayRunAgain(t *testing.T) {
	server := serverOf(&sidecar{}, httpapi.Config{Listen: "127.0.0.1:0"})
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- server.Run(ctx) }()
		<-server.Listening()
		cancel()
		if err := <-result; err != nil {
			t.Fatal(err)
		}
	}
	if server.Addr().(*net.TCPAddr).Port == 0 {
		t.Error("the port is not known")
	}
}

// tape is a reply that is read while it is written.
type tape struct {
	header http.Header
	mu     sync.Mutex
	data   bytes.Buffer
}

func (w *tape) Header() http.Header { return w.header }
func (w *tape) WriteHeader(int)     {}
func (w *tape) Flush()              {}
func (w *tape) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.data.Write(p)
}

// parts returns the parts that were sent since the last call, in order, and how
// many comments.
func (w *tape) parts(t *testing.T) (ids []string, comments int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for lines := bufio.NewScanner(&w.data); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var part struct{ ID, HTML string }
			if err := json.Unmarshal([]byte(data), &part); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, part.ID)
		} else if lines.Text() == ":" {
			comments++
		}
	}
	w.data.Reset()
	return ids, comments
}

func TestStreamSendsWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		side := &sidecar{view: health.View{Role: role.Follower, Since: time.Now(), SeenAt: time.Now()}}
		ctx, cancel := context.WithCancel(t.Context())
		w := &tape{header: http.Header{}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			serverOf(side, httpapi.Default()).Handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", local+"/events", nil))
		}()
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if got, _ := w.parts(t); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: sent %v, want %v", when, got, want)
			}
		}
		wait(0)
		expect("at first everything", "who", "numbers", "members", "windows", "objects", "retention", "defrag", "events", "about")
		wait(10 * time.Second)
		expect("nothing while only time goes by")
		side.set(func(v *health.View) { v.Backup.Live = 5 })
		wait(3 * time.Second)
		expect("a new revision, at the next look", "numbers")
		for range 5 {
			side.happen(event.Event{Kind: event.RoleChanged})
		}
		side.set(func(v *health.View) { v.Role = role.Leader })
		wait(300 * time.Millisecond)
		expect("events are gathered and sent soon", "who", "events")
		wait(time.Minute)
		if ids, comments := w.parts(t); len(ids) != 0 || comments < 3 {
			t.Errorf("in a quiet minute %v and %d comments were sent", ids, comments)
		}
		cancel()
		<-ended
		if got := w.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("content type %q", got)
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		side := &sidecar{}
		handler := serverOf(side, httpapi.Default()).Handler()
		ctx, cancel := context.WithCancel(t.Context())
		var open sync.WaitGroup
		for range 32 {
			open.Go(func() {
				handler.ServeHTTP(&tape{header: http.Header{}}, httptest.NewRequestWithContext(ctx, "GET", local+"/events", nil))
			})
		}
		synctest.Wait()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", local+"/events", nil))
		if problemOf(t, w); w.Code != 503 {
			t.Errorf("stream 33 got status %d, want 503", w.Code)
		}
		cancel()
		open.Wait() // every stream ends with its context
	})
}
