package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

const token = "hunter2-hunter2"

// tokenFile holds the token, last changed a while ago.
func tokenFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	writeToken(t, name, token, time.Now().Add(-time.Hour))
	return name
}

// writeToken gives the file a time of its own, for two changes may come within
// one tick of the file system's clock.
func writeToken(t *testing.T, name, content string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

// asked is a request with headers, "Name: value" each.
func asked(t *testing.T, handler http.Handler, method, url string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, url, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return "Authorization: " + r.Header.Get("Authorization")
}

func TestTokenIsWantedWhereItIsConfigured(t *testing.T) {
	handler := serverOf(&sidecar{view: health.View{Role: role.Leader}}, httpapi.Config{Listen: ":0", TokenFile: tokenFile(t)}).Handler()
	for _, tc := range []struct {
		name, header string
		want         int
	}{
		{"nothing", "", 401},
		{"the token", "Authorization: Bearer " + token, 200},
		{"the token, in other letters", "Authorization: bearer  " + token, 200},
		{"another token", "Authorization: Bearer hunter3-hunter3", 401},
		{"the beginning of the token", "Authorization: Bearer hunter2", 401},
		{"the token and more", "Authorization: Bearer " + token + "x", 401},
		{"an empty token", "Authorization: Bearer ", 401},
		{"no scheme", "Authorization: " + token, 401},
		{"another scheme", "Authorization: Digest " + token, 401},
		{"a browser with the token", basic("me", token), 200},
		{"a browser without a user", basic("", token), 200},
		{"a browser that has it the wrong way round", basic(token, "me"), 401},
		{"a browser with nothing", basic("", ""), 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var headers []string
			if tc.header != "" {
				headers = []string{tc.header}
			}
			w := asked(t, handler, "POST", "/v1/snapshots/full", headers...)
			if w.Code != tc.want {
				t.Fatalf("status %d, want %d: %s", w.Code, tc.want, w.Body)
			}
			if tc.want != 401 {
				return
			}
			p := problemOf(t, w)
			if p.Kind != openapi.FaultKindUnauthorized || !strings.Contains(p.Remedy, "http.tokenFile") || strings.Contains(w.Body.String(), "hunter") {
				t.Errorf("problem %+v", p)
			}
			if got := strings.Join(w.Header().Values("WWW-Authenticate"), ", "); !strings.Contains(got, "Bearer ") || !strings.Contains(got, "Basic ") {
				t.Errorf("it would accept %s", got)
			}
		})
	}
}

func TestWhatNeedsNoToken(t *testing.T) {
	side := &sidecar{view: health.View{Role: role.Follower, SeenAt: time.Now(), Fresh: health.Freshness{Fresh: true}}}
	handler := serverOf(side, httpapi.Config{Listen: ":0", TokenFile: tokenFile(t)}).Handler()
	for path, want := range map[string]int{
		"/livez": 200, "/readyz?verbose": 200, "/healthz": 200, "/backupz": 200, "/metrics": 200,
		"/": 401, "/page.css": 401, "/page.js": 401, "/events": 401, "/v1/status": 401, "/v1/members": 401, "/v1/events": 401, "/v1/snapshots": 401,
		"/nothing": 401, "/metrics/": 401, "//metrics": 401, "/livez/../v1/status": 401,
	} {
		if w := asked(t, handler, "GET", path); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	if w := asked(t, handler, "GET", "/", basic("me", token)); w.Code != 200 || !strings.Contains(w.Body.String(), "<!doctype html>") {
		t.Errorf("the page: status %d", w.Code)
	}
}

func TestTokenMayChangeAndGoMissing(t *testing.T) {
	name := tokenFile(t)
	handler := serverOf(&sidecar{}, httpapi.Config{Listen: ":0", TokenFile: name}).Handler()
	expect := func(when, shown string, want int) {
		t.Helper()
		if w := asked(t, handler, "GET", "/v1/status", "Authorization: Bearer "+shown); w.Code != want {
			t.Errorf("%s: status %d for %s, want %d", when, w.Code, shown, want)
		}
	}
	expect("at first", token, 200)
	writeToken(t, name, "another", time.Now().Add(-time.Minute))
	expect("after a change", token, 401)
	expect("after a change", "another", 200)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	expect("without its file", "another", 200)
	expect("without its file", "", 401)

	never := serverOf(&sidecar{}, httpapi.Config{Listen: "127.0.0.1:0", TokenFile: name})
	if w := asked(t, never.Handler(), "GET", local+"/v1/status", "Authorization: Bearer "+token); w.Code != 503 {
		t.Errorf("a sidecar that never had a token answers %d", w.Code)
	}
	if err := never.Run(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("it runs: %v", err)
	}
}

// With Basic a browser sends the token by itself, also on behalf of other sites.
func TestOtherSitesMayNotTouchWithTheToken(t *testing.T) {
	side := leading(func(context.Context) (*snapshot.Ref, error) {
		t.Error("a full was taken")
		return nil, nil
	})
	handler := serverOf(side, httpapi.Config{Listen: ":0", TokenFile: tokenFile(t)}).Handler()
	for _, tc := range []struct {
		request string
		headers []string
		want    int
	}{
		{"POST /v1/snapshots/full", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"POST /v1/snapshots/full", []string{"Sec-Fetch-Site: same-site"}, 403},
		{"POST /v1/snapshots/full", []string{"Origin: https://evil.example"}, 403},
		{"DELETE /v1/maintenance/1", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"DELETE /v1/maintenance/1", []string{"Sec-Fetch-Site: same-origin"}, 204},
	} {
		method, path, _ := strings.Cut(tc.request, " ")
		if w := asked(t, handler, method, path, append(tc.headers, basic("me", token))...); w.Code != tc.want {
			t.Errorf("%s with %v: status %d, want %d", tc.request, tc.headers, w.Code, tc.want)
		}
	}
	if len(side.withdrawn) != 1 {
		t.Errorf("withdrawn: %v", side.withdrawn)
	}
}

func TestOnLoopbackOnlyItsOwnNamesAreKnown(t *testing.T) {
	for _, tc := range []struct {
		name, listen, advertise, host string
		want                          int
	}{
		{"localhost", "127.0.0.1:8380", "", "localhost:8380", 200},
		{"in other letters", "127.0.0.1:8380", "", "LOCALHOST", 200},
		{"the address", "127.0.0.1:8380", "", "127.0.0.1:8380", 200},
		{"another of loopback", "localhost:8380", "", "127.0.0.53:8380", 200},
		{"IPv6", "[::1]:8380", "", "[::1]:8380", 200},
		{"a name that somebody has resolve to loopback", "127.0.0.1:8380", "", "evil.example:8380", 403},
		{"one that looks like ours", "127.0.0.1:8380", "", "localhost.evil.example", 403},
		{"another address", "[::1]:8380", "", "10.0.0.1:8380", 403},
		{"behind a proxy, by the advertised name", "127.0.0.1:8380", "https://m1.example", "M1.example", 200},
		{"behind a proxy, by another name", "127.0.0.1:8380", "https://m1.example", "m2.example", 403},
		{"a program of old that names none", "127.0.0.1:8380", "", "", 200},
		{"reached by others anyway", "10.0.0.1:8380", "", "m1.example:8380", 200},
		{"on every interface", ":8380", "", "evil.example:8380", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			side := &sidecar{}
			handler := serverOf(side, httpapi.Config{Listen: tc.listen, Advertise: tc.advertise}).Handler()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/status", nil)
			r.Host = tc.host
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tc.want {
				t.Errorf("status %d, want %d", w.Code, tc.want)
			}
			if tc.want == 403 && problemOf(t, w).Kind != openapi.FaultKindUnauthorized {
				t.Errorf("answered %s", w.Body)
			}
		})
	}
}
