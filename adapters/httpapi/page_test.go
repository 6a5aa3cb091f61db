package httpapi_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// hostile tries every way out of text, of an attribute and of a script.
const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>{{.Store}}&amp;` + "\u2028\n\ndata: {}\n\n"

func TestPageEscapesWhateverItShows(t *testing.T) {
	side := &sidecar{
		view: health.View{
			Name: hostile, Version: hostile, Endpoint: "javascript:" + hostile, Store: hostile,
			Role: role.Role(hostile), Reason: hostile, Since: time.Now(), SeenAt: time.Now(),
			Duties: []role.Duty{hostile}, Member: cluster.Status{Version: hostile, Errors: []string{hostile}},
			Backup: health.Backup{Phase: hostile, LastError: hostile},
		},
		recent: []event.Event{{Kind: event.Kind(hostile), Message: hostile, Err: errors.New(hostile)}},
	}
	w := ask(t, side, "GET", "/", "")
	html := w.Body.String()
	if w.Code != 200 || !strings.Contains(html, "&lt;script&gt;alert(1)") {
		t.Fatalf("status %d, and the text is not on the page: %s", w.Code, html)
	}
	for _, tag := range []string{"<script>", "<img", "onerror='", "<p class=\"verdict \">"} {
		if strings.Contains(html, tag) {
			t.Errorf("the page has %s", tag)
		}
	}
	if n := strings.Count(html, "<script"); n != 1 {
		t.Errorf("%d scripts, want the page's own", n)
	}
}

func TestPageAllowsOnlyItsOwnFiles(t *testing.T) {
	w := ask(t, &sidecar{}, "GET", "/", "")
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	html := w.Body.String()
	for _, banned := range []string{"style=", " onclick", " onload", "http://", "https://", "<style"} {
		if strings.Contains(html, banned) {
			t.Errorf("the page has %s, which the policy forbids", banned)
		}
	}
	for path, contentType := range map[string]string{"/page.css": "text/css", "/page.js": "text/javascript"} {
		file := ask(t, &sidecar{}, "GET", path, "")
		if file.Code != 200 || !strings.HasPrefix(file.Header().Get("Content-Type"), contentType) || file.Body.Len() == 0 {
			t.Errorf("%s: status %d, %v, %d bytes", path, file.Code, file.Header(), file.Body.Len())
		}
	}
}

func TestPageSaysHowItStands(t *testing.T) {
	now := time.Now()
	seen := func(r role.Role, b health.Backup) health.View {
		return health.View{Name: "m", Role: r, SeenAt: now, Backup: b}
	}
	window := []chain.Range{{First: 1, Last: 1234567}}
	for _, tc := range []struct {
		name string
		view health.View
		want []string
	}{
		{"at start", health.View{Role: role.Follower}, []string{"Waiting for the first answer", "unnamed member", "nothing stored yet"}},
		{"no quorum", seen(role.Unknown, health.Backup{Windows: window}), []string{"No backup is taken from here"}},
		{"a follower", seen(role.Follower, health.Backup{Windows: window, Durable: 1234567}), []string{"Standing by.", "1,234,567", "as last seen"}},
		{"a leader whose first full is under way", seen(role.Leader, health.Backup{}), []string{"nothing can be restored", "No revision can be restored yet."}},
		{"a leader with everything stored", seen(role.Leader, health.Backup{Windows: window, Durable: 9, Live: 9}), []string{"The store has everything."}},
		{"a leader that lags", seen(role.Leader, health.Backup{Windows: window, Durable: 1234567, Live: 1234600}),
			[]string{"Backing up.", "33<span", "not in the store yet: revisions 1,234,568 to 1,234,600"}},
		{"a leader whose store is away", seen(role.Leader, health.Backup{Windows: window, DurableAt: now.Add(-time.Hour), LastError: "503", LastErrorAt: now}),
			[]string{"The backup is failing", "Last error"}},
		{"a leader that is far behind", behind(seen(role.Leader, health.Backup{Windows: window, Durable: 1234567, Live: 2234567})),
			[]string{"further behind than the objective allows", "beyond</strong> the objective"}},
		{"a leader within its objective", within(seen(role.Leader, health.Backup{Windows: window, Durable: 9, Live: 9})), []string{"The store has everything.", "within the objective"}},
		{"a heartbeat that is refused", health.View{Heartbeat: heartbeat.State{Status: heartbeat.Suspended, Detail: heartbeat.NoSpace}}, []string{"Heartbeat suspended: NOSPACE"}},
		{"an error that is over", seen(role.Leader, health.Backup{Windows: window, Durable: 9, Live: 9, DurableAt: now, LastError: "503", LastErrorAt: now.Add(-time.Hour)}),
			[]string{"The store has everything."}},
		{"a gap", seen(role.Leader, health.Backup{Windows: []chain.Range{{First: 1, Last: 9}, {First: 20, Last: 30}}, Live: 30, LastFull: &snapshot.Ref{Last: 20}}),
			[]string{"lost: revisions 10 to 19", "Revisions that can be restored: 1–9, 20–30.", "newest full, up to 20"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			html := ask(t, &sidecar{view: tc.view}, "GET", "/", "").Body.String()
			for _, want := range tc.want {
				if !strings.Contains(html, want) {
					t.Errorf("the page does not say %q:\n%s", want, html)
				}
			}
		})
	}
}

func behind(v health.View) health.View {
	v.Fresh = health.Freshness{Reason: "far behind"}
	return v
}

func within(v health.View) health.View {
	v.Fresh = health.Freshness{Fresh: true, Reason: "near"}
	return v
}

// The bar of any windows is well-formed and inside its frame.
func TestBarStaysInItsFrame(t *testing.T) {
	for name, b := range map[string]health.Backup{
		"one revision":          {Windows: []chain.Range{{First: 5, Last: 5}}, Live: 5},
		"a tiny gap in a lot":   {Windows: []chain.Range{{First: 1, Last: 1e6}, {First: 1e6 + 2, Last: 1 << 40}}, Live: 1<<40 + 1},
		"live is behind":        {Windows: []chain.Range{{First: 10, Last: 20}}, Live: 3},
		"more windows than fit": {Windows: manyWindows(100), Live: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			html := ask(t, &sidecar{view: health.View{Backup: b}}, "GET", "/", "").Body.Bytes()
			from, to := bytes.Index(html, []byte("<svg")), bytes.Index(html, []byte("</svg>"))
			if from < 0 || to < from {
				t.Fatal("there is no bar")
			}
			decoder := xml.NewDecoder(bytes.NewReader(html[from : to+len("</svg>")]))
			for n := 0; ; {
				token, err := decoder.Token()
				if errors.Is(err, io.EOF) {
					if n == 0 || n > 30 {
						t.Errorf("%d stretches", n)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
					n++
					inFrame(t, start)
				}
			}
		})
	}
}

func inFrame(t *testing.T, rect xml.StartElement) {
	t.Helper()
	var x, width float64
	for _, a := range rect.Attr {
		switch a.Name.Local {
		case "x":
			x = number(t, a.Value)
		case "width":
			width = number(t, a.Value)
		}
	}
	if x < 0 || width < 6 || x+width > 1000.05 {
		t.Errorf("a stretch at %v of width %v", x, width)
	}
}

func manyWindows(n int) []chain.Range {
	out := make([]chain.Range, n)
	for i := range out {
		out[i] = chain.Range{First: int64(i * 10), Last: int64(i*10 + 5)}
	}
	return out
}

func TestConfigReportsEveryProblem(t *testing.T) {
	for _, tc := range []struct {
		name   string
		config httpapi.Config
		want   []string // keys
	}{
		{"the default", httpapi.Default(), nil},
		{"every interface, any port", httpapi.Config{Listen: ":0"}, nil},
		{"IPv6 and TLS", httpapi.Config{Listen: "[::1]:8380", TLS: httpapi.TLSConfig{CertFile: "c", KeyFile: "k"}}, nil},
		{"nothing", httpapi.Config{}, []string{"listen"}},
		{"no port", httpapi.Config{Listen: "127.0.0.1"}, []string{"listen"}},
		{"a port by name, a key without certificate", httpapi.Config{Listen: ":http", TLS: httpapi.TLSConfig{KeyFile: "k"}}, []string{"listen", "tls.certFile"}},
		{"everything about others", httpapi.Config{Listen: ":0", Advertise: "https://m1.example:8380/", TLS: httpapi.TLSConfig{CertFile: "c", KeyFile: "k", ClientCAFile: "a"}, Peers: httpapi.PeersConfig{CA: "a", Cert: "c", Key: "k"}}, nil},
		{"clients' certificates without TLS", httpapi.Config{Listen: ":0", TLS: httpapi.TLSConfig{ClientCAFile: "a"}}, []string{"tls.clientCaFile"}},
		{"a peer's key alone", httpapi.Config{Listen: ":0", Peers: httpapi.PeersConfig{Key: "k"}}, []string{"peers.cert"}},
		{"a path to advertise", httpapi.Config{Listen: ":0", Advertise: "http://m1:8380/revkeeper"}, []string{"advertise"}},
		{"a query to advertise", httpapi.Config{Listen: ":0", Advertise: "http://m1:8380?a=b"}, []string{"advertise"}},
		{"a password to advertise", httpapi.Config{Listen: ":0", Advertise: "http://u:p@m1:8380"}, []string{"advertise"}},
		{"another scheme to advertise", httpapi.Config{Listen: ":0", Advertise: "m1:8380"}, []string{"advertise"}},
		{"a port too high, a certificate without key", httpapi.Config{Listen: ":65536", TLS: httpapi.TLSConfig{CertFile: "c"}}, []string{"listen", "tls.keyFile"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var keys []string
			for _, p := range tc.config.Validate() {
				keys = append(keys, p.Key)
				if p.Detail == "" || p.Remedy == "" {
					t.Errorf("%+v does not say what to do", p)
				}
			}
			if strings.Join(keys, " ") != strings.Join(tc.want, " ") {
				t.Errorf("problems with %v, want %v", keys, tc.want)
			}
		})
	}
}

func TestPageShowsTheLastCompaction(t *testing.T) {
	side := &sidecar{recent: []event.Event{
		{Kind: event.DeltasRolledUp, Message: "rolled up the older"}, {Kind: event.FullBuilt, Message: "built a full"}, {Kind: event.DeltaStored, Message: "a delta"}}}
	if html := ask(t, side, "GET", "/", "").Body.String(); !strings.Contains(html, "<dt>Compaction</dt>") || !strings.Contains(html, ": built a full<") {
		t.Errorf("the page does not tell: %s", html)
	}
	if html := ask(t, &sidecar{}, "GET", "/", "").Body.String(); strings.Contains(html, "Compaction") {
		t.Error("the page tells of a compaction that never was")
	}
}

func TestThePageShowsRetention(t *testing.T) {
	for _, tc := range []struct {
		name  string
		state retention.State
		as    role.Role
		shows []string
	}{
		{"before the first run", retention.State{Rule: "the newest 7 fulls", Next: at}, role.Leader, []string{"the newest 7 fulls", "Next run"}},
		{"what went", retention.State{Rule: "x", Last: &retention.Summary{At: at, Deleted: 12, DeletedBytes: 2048, Kept: 3, Locked: 1}}, role.Leader,
			[]string{"12 objects (2.0 KiB) deleted", "3 (0 B) kept", "1 kept by a lock", "on demand only"}},
		{"what stopped it", retention.State{Rule: "x", Last: &retention.Summary{At: at, Stopped: "history <went> back"}}, role.Leader, []string{"history &lt;went&gt; back"}},
		{"a follower", retention.State{Rule: "x"}, role.Follower, []string{"The leader's sidecar tidies the store."}},
		{"nobody", retention.State{}, role.Follower, []string{"Nothing is known of it."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &sidecar{view: health.View{Role: tc.as, Duties: tc.as.Duties(), Retention: tc.state}}
			got := ask(t, s, "GET", "/", "").Body.String()
			for _, want := range tc.shows {
				if !strings.Contains(got, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
		})
	}
}
