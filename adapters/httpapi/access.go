package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// public reports whether a path needs no token: kubelets, load balancers and
// Prometheus ask there, and what is answered is no secret.
func public(path string) bool {
	switch path {
	case "/livez", "/readyz", "/healthz", "/backupz", "/metrics":
		return true
	}
	return false
}

// authenticated wants the token where one is configured: as a bearer token, or
// as the password of HTTP Basic, which browsers can give.
func (s *Server) authenticated(next http.Handler) http.Handler {
	if s.token == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		want, err := s.token.Get()
		if err != nil {
			s.fail(w, r, &fault.Error{Kind: fault.Unavailable, Op: r.Method, Object: r.URL.Path, Detail: "nobody can be let in", Err: err})
			return
		}
		if equal(shown(r), want) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("WWW-Authenticate", `Bearer realm="revkeeper"`)
		h.Add("WWW-Authenticate", `Basic realm="revkeeper", charset="UTF-8"`)
		writeProblem(w, r, http.StatusUnauthorized,
			fault.New(fault.Unauthorized, r.Method, r.URL.Path, "the request does not show this sidecar's token").
				WithRemedy("send `Authorization: Bearer` with the content of the file that http.tokenFile names; in a browser give any user, and the token as the password"))
	})
}

// shown returns the token that a request shows, empty if it shows none.
func shown(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// equal takes as long for a token that is nearly right, or of another length, as
// for one that is far off.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// knownHost refuses, where the server listens on loopback only, requests by a
// name that is not this host's: a page may have its own name resolve to loopback
// to read what is answered here.
func (s *Server) knownHost(next http.Handler) http.Handler {
	host, _, err := net.SplitHostPort(s.config.Listen)
	if err != nil || !loopback(host) {
		return next
	}
	advertised := ""
	if u, err := url.Parse(s.config.Advertise); err == nil {
		advertised = u.Hostname()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Every browser names the host; HTTP/1.0 need not.
		name := (&url.URL{Host: r.Host}).Hostname()
		if r.Host == "" || loopback(strings.ToLower(name)) || (advertised != "" && strings.EqualFold(name, advertised)) {
			next.ServeHTTP(w, r)
			return
		}
		writeProblem(w, r, http.StatusForbidden,
			fault.New(fault.Unauthorized, r.Method, r.URL.Path, "this sidecar listens on loopback and is not known by the host name of the request").
				WithRemedy("use http://localhost or http://127.0.0.1; behind a proxy that keeps the name, set http.advertise"))
	})
}
