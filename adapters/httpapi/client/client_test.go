package client_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// The contract is tested in adapters/httpapi, against the real server. Here are
// those that are no sidecars.

func answering(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func newClient(t *testing.T, c client.Config) *client.Client {
	t.Helper()
	out := client.New(c)
	t.Cleanup(out.Close)
	return out
}

func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAnswersThatNoSidecarGives(t *testing.T) {
	const jsonType, problemType = "application/json", "application/problem+json"
	elsewhere := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		want    fault.Kind
		says    string
	}{
		{"a page", says(200, "text/html", "<html>"), fault.Unavailable, "text/html"},
		{"garbage for JSON", says(200, jsonType, "<html>"), fault.Unavailable, "invalid character"},
		{"half an answer", says(200, jsonType, `{"role":"Lea`), fault.Unavailable, "unexpected end"},
		{"somebody else's JSON", says(200, jsonType, `{"health":true}`), fault.Unavailable, `its role is ""`},
		{"an unknown role", says(200, jsonType, `{"role":"Boss"}`), fault.Unavailable, "Boss"},
		{"an id that is none", says(200, jsonType, `{"role":"Leader","member":{"memberID":"me","errors":[]}}`), fault.Unavailable, `"me"`},
		{"nothing", says(204, "", ""), fault.Unavailable, "204"},
		{"an answer without end", endless, fault.Unavailable, "longer than"},
		{"500", says(500, "text/plain", "oops"), fault.Unavailable, "500"},
		{"500 with garbage for a problem", says(500, problemType, "oops"), fault.Unavailable, "500"},
		{"a problem of no kind", says(500, problemType, `{"status":500}`), fault.Unavailable, "500"},
		{"a problem of a new kind", says(500, problemType, `{"kind":"weird","detail":"x"}`), fault.Unavailable, "500"},
		{"a problem", says(503, problemType, `{"kind":"unavailable","detail":"not now"}`), fault.Unavailable, "not now"},
		{"a path that it does not have", says(404, problemType, `{"kind":"not_found","detail":"nothing there"}`), fault.NotFound, "nothing there"},
		{"401 from a proxy", says(401, "text/html", "<html>"), fault.Unauthorized, "token"},
		{"403 from a proxy", says(403, "text/html", "<html>"), fault.Unauthorized, "403"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) }, fault.Unavailable, "302"},
		{"it hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unavailable, "EOF"},
		{"it hangs up in the middle", cutOff, fault.Unavailable, "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address := answering(t, tc.handler)
			_, err := newClient(t, client.Config{}).View(t.Context(), address)
			if fault.KindOf(err) != tc.want || !strings.Contains(fmt.Sprint(err), tc.says) || !strings.Contains(fmt.Sprint(err), address) {
				t.Errorf("%v, want %s and %q", err, tc.want, tc.says)
			}
		})
	}
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for range 1 << 10 { // 64 MiB, unless nobody reads them
		if _, err := io.WriteString(w, strings.Repeat(" ", 64<<10)); err != nil {
			return
		}
	}
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"role":"Leader"`)
}

func TestAnswersOfTheOtherQuestions(t *testing.T) {
	c := newClient(t, client.Config{})
	empty := answering(t, says(200, "application/json", `{}`))
	if _, err := c.Members(t.Context(), empty); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("members: %v", err)
	}
	if _, err := c.Announce(t.Context(), empty, 1, "because", time.Second); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an announcement: %v", err)
	}
	if err := c.Withdraw(t.Context(), empty, "1"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("its end: %v", err)
	}
	gone := answering(t, says(404, "application/problem+json", `{"kind":"not_found"}`))
	if err := c.Withdraw(t.Context(), gone, "1"); err != nil {
		t.Errorf("the end of an announcement that is not known: %v", err)
	}
}

// Whoever accepts and says nothing, at once or in the middle, is given up when
// the caller wants.
func TestEveryCallEndsWithItsContext(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	entered := make(chan struct{}, 1)
	hanging := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		entered <- struct{}{}
		<-r.Context().Done()
	})
	c := newClient(t, client.Config{})
	for name, address := range map[string]string{"mute": "http://" + mute.Addr().String(), "mute, over TLS": "https://" + mute.Addr().String(), "hanging": hanging} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := c.View(ctx, address)
			if fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("timed out as %v", err)
			}
		})
	}
	<-entered
	t.Run("told to end", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-entered
			cancel()
		}()
		if _, err := c.View(ctx, hanging); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("ended as %v", err)
		}
	})
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	c := newClient(t, client.Config{})
	for _, address := range []string{
		"", "m1:8380", "ftp://m1", "http://", "http://:8380", "http://m1/path", "http://m1?a=b", "http://m1/?", "http://m1#x",
		"http://user:hunter2@m1", "http://m1:8380\n", "://", "http://[::1",
	} {
		_, err := c.View(t.Context(), address)
		if fault.KindOf(err) != fault.Invalid || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// Whoever may write heartbeats chooses the address: it must not choose that the
// token goes out in plain text.
func TestNothingIsSentInPlainWhereTLSIsExpected(t *testing.T) {
	address := answering(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked with %v", r.Header) })
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]client.Config{
		"its authority is named":   {TokenFile: secret, CA: servers.NewPKI(t).CA},
		"the own server speaks it": {TokenFile: secret, TLSOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, config)
			_, viewed := c.View(t.Context(), address)
			_, announced := c.Announce(t.Context(), address, 1, "because", time.Second)
			for _, err := range []error{viewed, announced} {
				var f *fault.Error
				if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Object != address || !strings.Contains(f.Remedy, "https://") {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	_ = l.Close()
	_, err = newClient(t, client.Config{}).View(t.Context(), address)
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unavailable || f.Remedy == "" || !strings.Contains(err.Error(), address) {
		t.Errorf("%v", err)
	}
}

// A server that refuses our certificate says so after the handshake, and what it
// says may be lost when it hangs up. One that answered before was content.
func TestServersThatHangUpAfterTheHandshake(t *testing.T) {
	pki := servers.NewPKI(t)
	cert, key := pki.Server()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		after func(raw *net.TCPConn, conn *tls.Conn)
		want  fault.Kind
	}{
		"at once":                {func(raw *net.TCPConn, _ *tls.Conn) { _ = raw.Close() }, fault.Unauthorized},
		"rudely":                 {func(raw *net.TCPConn, _ *tls.Conn) { _ = raw.SetLinger(0); _ = raw.Close() }, fault.Unauthorized},
		"politely":               {func(_ *net.TCPConn, conn *tls.Conn) { _ = conn.Close() }, fault.Unauthorized},
		"in the midst of a word": {func(_ *net.TCPConn, conn *tls.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 200"); _ = conn.Close() }, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				raw, err := l.Accept()
				if err != nil {
					return
				}
				defer func() { _ = raw.Close() }()
				conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true})
				if conn.HandshakeContext(t.Context()) == nil {
					tc.after(raw.(*net.TCPConn), conn)
				}
			}()
			_, err = newClient(t, client.Config{CA: pki.CA}).View(t.Context(), "https://"+l.Addr().String())
			_ = l.Close()
			<-ended
			if fault.KindOf(err) != tc.want {
				t.Errorf("%v, want %s", err, tc.want)
			}
		})
	}
}

func TestClientSendsNothingThatIsNotWanted(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	var got http.Header
	address := answering(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(openapi.Status{Role: openapi.RoleLeader})
	})
	if _, err := newClient(t, client.Config{}).Status(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	if got.Get("Authorization") != "" || got.Get("Accept-Encoding") != "" {
		t.Errorf("sent %v", got)
	}
}
