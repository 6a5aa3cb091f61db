package s3_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/objectstore/s3"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// meddler sees each request on its way to the real server. It returns false to
// have it forwarded as it is.
type meddler func(w http.ResponseWriter, r *http.Request, forward http.Handler) (handled bool)

// proxied returns the configuration of a store that reaches server through a
// proxy that meddles.
func proxied(t *testing.T, server servers.S3, meddle meddler) s3.Config {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !meddle(w, r, forward) {
			forward.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(proxy.Close)
	cfg := config(server)
	cfg.Endpoint = proxy.URL
	return cfg
}

// step recognises the requests of the S3 protocol.
type step func(r *http.Request) bool

func isPut(r *http.Request) bool {
	return r.Method == http.MethodPut && !r.URL.Query().Has("partNumber")
}
func isPart(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}
func isGet(r *http.Request) bool {
	return r.Method == http.MethodGet && !r.URL.Query().Has("list-type")
}
func isComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}
func isAny(*http.Request) bool { return true }

// first applies what to the first n requests that are of the kind.
func first(n int64, of step, what func(w http.ResponseWriter, r *http.Request, forward http.Handler)) meddler {
	var met atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool {
		if !of(r) || met.Add(1) > n {
			return false
		}
		what(w, r, forward)
		return true
	}
}

// answer replies with a status and an S3 error code.
func answer(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<Error><Code>" + code + "</Code><Message>injected</Message></Error>"))
	}
}

// loseReply lets the server do its work and drops the connection instead of
// passing on what it said.
func loseReply(_ http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cutBody passes on half of the answer and drops the connection.
func cutBody(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	whole := httptest.NewRecorder()
	forward.ServeHTTP(whole, r)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	body := whole.Body.Bytes()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
