package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func problemOf(t *testing.T, w *httptest.ResponseRecorder) openapi.Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q of status %d: %s", got, w.Code, w.Body)
	}
	var p openapi.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != w.Code || p.Title != http.StatusText(w.Code) {
		t.Errorf("problem %+v with status %d", p, w.Code)
	}
	return p
}

func TestEveryKindOfFaultHasItsStatus(t *testing.T) {
	want := map[fault.Kind]int{
		fault.NotFound:     404,
		fault.Conflict:     409,
		fault.Invalid:      400,
		fault.Corrupt:      502, // the store's answer is bad
		fault.Diverged:     409,
		fault.Immutable:    409,
		fault.Unauthorized: 502, // the store refused us; the caller did nothing wrong
		fault.Unavailable:  503,
		fault.Unsupported:  501,
		fault.Internal:     500,
	}
	for _, kind := range fault.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			if want[kind] == 0 {
				t.Fatalf("no status is expected of %s", kind)
			}
			side := &sidecar{full: func(context.Context) (*snapshot.Ref, error) {
				return nil, fault.New(kind, "take", "full", "because").WithRemedy("do that")
			}}
			w := ask(t, side, "POST", "/v1/snapshots/full", "")
			p := problemOf(t, w)
			if w.Code != want[kind] || string(p.Kind) != string(kind) {
				t.Errorf("status %d and kind %q, want %d and %q", w.Code, p.Kind, want[kind], kind)
			}
			if !p.Kind.Valid() {
				t.Errorf("api.yaml does not know the kind %q", p.Kind)
			}
			if p.Detail != "take full: because" || p.Remedy != "do that" || p.Instance != "/v1/snapshots/full" {
				t.Errorf("problem %+v", p)
			}
			if reported := len(side.reported()) == 1; reported != (w.Code >= 500) {
				t.Errorf("the observer was told %v", side.reported())
			}
		})
	}
}

func TestErrorsWithoutAKind(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want int
		kind openapi.FaultKind
	}{
		{"nobody classified it", errors.New("eof"), 500, openapi.FaultKindInternal},
		{"time ran out", fmt.Errorf("list: %w", context.DeadlineExceeded), 503, openapi.FaultKindUnavailable},
		{"a fault inside a text", fmt.Errorf("list: %w", fault.New(fault.Corrupt, "open", "x", "torn").WithRemedy("look")), 502, openapi.FaultKindCorrupt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			side := &sidecar{list: func(context.Context) (timeline.Catalogue, error) { return timeline.Catalogue{}, tc.err }}
			w := ask(t, side, "GET", "/v1/snapshots", "")
			if p := problemOf(t, w); w.Code != tc.want || p.Kind != tc.kind || !strings.Contains(tc.err.Error(), p.Detail) {
				t.Errorf("status %d, problem %+v, want %d %s", w.Code, p, tc.want, tc.kind)
			}
		})
	}
}

func TestRequestsThatNobodyServes(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	for _, tc := range []struct {
		name, method, path, body string
		want                     int
		kind                     openapi.FaultKind
	}{
		{"an unknown path", "GET", "/v2/status", "", 404, openapi.FaultKindNotFound},
		{"a path that climbs", "GET", "/../etc/passwd", "", 404, openapi.FaultKindNotFound},
		{"a method that the path does not take", "DELETE", "/v1/snapshots/full", "", 405, openapi.FaultKindInvalid},
		{"a full by GET", "GET", "/v1/snapshots/full", "", 405, openapi.FaultKindInvalid},
		{"a parameter of the wrong type", "GET", "/v1/snapshots?deltas=maybe", "", 400, openapi.FaultKindInvalid},
		{"a limit of nought", "GET", "/v1/events?limit=0", "", 400, openapi.FaultKindInvalid},
		{"a limit without end", "GET", "/v1/events?limit=1000000", "", 400, openapi.FaultKindInvalid},
		{"a body without end", "POST", "/v1/snapshots/full", large, 413, openapi.FaultKindInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			side := &sidecar{}
			w := ask(t, side, tc.method, tc.path, tc.body)
			if p := problemOf(t, w); w.Code != tc.want || p.Kind != tc.kind {
				t.Errorf("status %d, problem %+v, want %d %s", w.Code, p, tc.want, tc.kind)
			}
			if tc.want == 405 && w.Header().Get("Allow") != "POST" {
				t.Errorf("Allow is %q", w.Header().Get("Allow"))
			}
			if len(side.reported()) != 0 {
				t.Errorf("the observer was bothered with %v", side.reported())
			}
		})
	}
}

func TestBodyOfUnknownLengthIsBounded(t *testing.T) {
	side := &sidecar{full: func(context.Context) (*snapshot.Ref, error) { t.Error("a full was taken"); return nil, nil }}
	endless := io.LimitReader(zeros{}, 1<<30)
	r := httptest.NewRequestWithContext(t.Context(), "POST", local+"/v1/snapshots/full", endless)
	r.ContentLength = -1
	w := httptest.NewRecorder()
	serverOf(side, httpapi.Default()).Handler().ServeHTTP(w, r)
	if problemOf(t, w); w.Code != 413 {
		t.Errorf("status %d, want 413", w.Code)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{0}, len(p))), nil }

func TestOtherSitesMayLookButNotTouch(t *testing.T) {
	for _, tc := range []struct {
		name, method, path, site string
		want                     int
	}{
		{"a program", "POST", "/v1/snapshots/full", "", 200},
		{"the own page", "POST", "/v1/snapshots/full", "same-origin", 200},
		{"another site's page", "POST", "/v1/snapshots/full", "cross-site", 403},
		{"a link from another site", "GET", "/v1/status", "cross-site", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), tc.method, local+tc.path, nil)
			if tc.site != "" {
				r.Header.Set("Sec-Fetch-Site", tc.site)
			}
			w := httptest.NewRecorder()
			serverOf(&sidecar{}, httpapi.Default()).Handler().ServeHTTP(w, r)
			if w.Code != tc.want {
				t.Errorf("status %d, want %d", w.Code, tc.want)
			}
			if tc.want == 403 {
				problemOf(t, w)
			}
		})
	}
}

func TestPanicIsAProblemAndNotTheEnd(t *testing.T) {
	side := &sidecar{full: func(context.Context) (*snapshot.Ref, error) { panic("a defect") }}
	w := ask(t, side, "POST", "/v1/snapshots/full", "")
	if p := problemOf(t, w); w.Code != 500 || p.Kind != openapi.FaultKindInternal || !strings.Contains(p.Detail, "a defect") {
		t.Errorf("status %d, problem %+v", w.Code, p)
	}
	if got := side.reported(); len(got) != 1 || got[0].Kind != event.RequestFailed || got[0].Level != event.Error {
		t.Errorf("the observer was told %v", got)
	}
}
