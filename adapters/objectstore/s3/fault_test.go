package s3_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/objectstore/retry"
	"github.com/revkeeper/revkeeper/adapters/objectstore/s3"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

const large = 12 << 20 // bytes; more than one part

type silent struct{}

func (silent) Observe(event.Event) {}

func patient(t *testing.T, s ports.ObjectStore) ports.ObjectStore {
	t.Helper()
	r, err := retry.New(s, retry.Policy{
		Attempts: 5, Backoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
		AttemptTimeout: time.Minute, MinRate: 1 << 20,
	}, silent{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t *testing.T, s ports.ObjectStore, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRefusedAndMissing(t *testing.T) {
	server := start(t)
	none := filepath.Join(t.TempDir(), "none")
	for _, tc := range []struct {
		name   string
		env    map[string]string
		change func(*s3.Config)
		want   fault.Kind
		remedy string
	}{
		{"a wrong secret", map[string]string{"AWS_SECRET_ACCESS_KEY": "wrong"}, nil, fault.Unauthorized, "credentials"},
		{"an unknown key", map[string]string{"AWS_ACCESS_KEY_ID": "nobody"}, nil, fault.Unauthorized, "credentials"},
		{"no credentials", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": none}, nil, fault.Unauthorized, "give credentials"},
		{"no such bucket", nil, func(c *s3.Config) { c.Bucket = "nonesuch" }, fault.NotFound, "create the bucket nonesuch"},
		{"nobody listens", nil, func(c *s3.Config) { c.Endpoint = "http://127.0.0.1:1" }, fault.Unavailable, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			cfg := config(server)
			if tc.change != nil {
				tc.change(&cfg)
			}
			s := open(t, cfg)
			_, listErr := first1(s.List(t.Context(), "", ""))
			for op, err := range map[string]error{
				"create": create(s, "k", "x"),
				"large":  s.Create(t.Context(), "large", bytes.NewReader(make([]byte, large)), large),
				"list":   listErr,
			} {
				if fault.KindOf(err) != tc.want || !strings.Contains(err.Error(), tc.remedy) {
					t.Errorf("%s: %v of kind %s, want %s", op, err, fault.KindOf(err), tc.want)
				}
			}
		})
	}
}

// first1 returns the first pair of a listing.
func first1(list func(func(ports.Object, error) bool)) (o ports.Object, err error) {
	for o, err = range list {
		break
	}
	return o, err
}

func TestServerBusyForAWhile(t *testing.T) {
	server := start(t)
	busy := answer(http.StatusServiceUnavailable, "SlowDown")
	s := open(t, proxied(t, server, first(1, isAny, busy)))
	if err := create(s, "k", "x"); !errors.Is(err, fault.Unavailable) {
		t.Errorf("without patience: %v", err)
	}
	// Every kind of request meets it twice.
	for _, of := range []step{isPut, isPart, isComplete, isGet} {
		s := patient(t, open(t, proxied(t, server, first(2, of, busy))))
		key := fmt.Sprintf("busy/%p", of)
		body := bytes.Repeat([]byte("0123456789abcdef"), large/16)
		if err := create(s, key+"/small", "x"); err != nil {
			t.Errorf("small: %v", err)
		}
		if err := s.Create(t.Context(), key+"/large", bytes.NewReader(body), large); err != nil {
			t.Errorf("large: %v", err)
		}
		if content(t, s, key+"/small") != "x" || content(t, s, key+"/large") != string(body) {
			t.Error("the content differs")
		}
	}
	wantNoUploads(t, server)
}

func TestReplyLostAfterTheObjectWasStored(t *testing.T) {
	server := start(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), large/16)
	for _, tc := range []struct {
		name string
		of   step
		body []byte
	}{
		{"put", isPut, []byte("small")},
		{"complete", isComplete, body},
	} {
		t.Run(tc.name, func(t *testing.T) {
			size := int64(len(tc.body))
			plain := open(t, proxied(t, server, first(1, tc.of, loseReply)))
			if err := plain.Create(t.Context(), tc.name+"/plain", bytes.NewReader(tc.body), size); !errors.Is(err, fault.Unavailable) {
				t.Errorf("without patience: %v", err)
			}
			if err := plain.Create(t.Context(), tc.name+"/plain", bytes.NewReader(tc.body), size); !errors.Is(err, fault.Conflict) {
				t.Errorf("again without patience: %v (was the object not stored?)", err)
			}
			s := patient(t, open(t, proxied(t, server, first(1, tc.of, loseReply))))
			if err := s.Create(t.Context(), tc.name+"/patient", bytes.NewReader(tc.body), size); err != nil {
				t.Errorf("with patience: %v", err)
			}
			if content(t, s, tc.name+"/patient") != string(tc.body) {
				t.Error("the content differs")
			}
		})
	}
	wantNoUploads(t, server)
}

func TestStreamCutMidway(t *testing.T) {
	server := start(t)
	body := strings.Repeat("0123456789abcdef", 1<<16)
	if err := create(open(t, config(server)), "k", body); err != nil {
		t.Fatal(err)
	}
	r, err := open(t, proxied(t, server, first(1, isGet, cutBody))).Open(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	_ = r.Close()
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, fault.Unavailable) || len(got) >= len(body) {
		t.Errorf("without patience: %d bytes, %v", len(got), err)
	}
	s := patient(t, open(t, proxied(t, server, first(3, isGet, cutBody))))
	if content(t, s, "k") != body {
		t.Error("with patience: the content differs")
	}
}

func TestUploadFailingMidwayIsAborted(t *testing.T) {
	server := start(t)
	second := func(r *http.Request) bool { return isPart(r) && r.URL.Query().Get("partNumber") == "2" }
	s := open(t, proxied(t, server, first(1, second, answer(http.StatusInternalServerError, "InternalError"))))
	if err := s.Create(t.Context(), "large", bytes.NewReader(make([]byte, large)), large); !errors.Is(err, fault.Unavailable) {
		t.Errorf("err = %v", err)
	}
	wantNoUploads(t, server)
}

func TestUploadCancelledWhileTheServerHangsIsAborted(t *testing.T) {
	server := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	hang := func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see the client leave
		cancel()
		<-r.Context().Done()
	}
	s := open(t, proxied(t, server, first(1, isPart, hang)))
	if err := s.Create(ctx, "large", bytes.NewReader(make([]byte, large)), large); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	wantNoUploads(t, server)
}

// A 409 says that another request on the key was under way, not how it ended.
func TestConflictingRequestUnderWay(t *testing.T) {
	server := start(t)
	if err := create(open(t, config(server)), "taken", "x"); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]fault.Kind{"taken": fault.Conflict, "free": fault.Unavailable} {
		s := open(t, proxied(t, server, first(1, isPut, answer(http.StatusConflict, "ConditionalRequestConflict"))))
		if err := create(s, key, "x"); fault.KindOf(err) != want {
			t.Errorf("%s: %v of kind %s, want %s", key, err, fault.KindOf(err), want)
		}
	}
}

// Servers other than AWS refuse the checksums that the SDK adds by itself.
func TestNoChecksumsAtCustomEndpoints(t *testing.T) {
	server := start(t)
	var mu sync.Mutex
	seen := make(map[string]bool)
	s := open(t, proxied(t, server, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		mu.Lock()
		defer mu.Unlock()
		seen[fmt.Sprint(isPut(r), isPart(r), isComplete(r), isGet(r))] = true
		for name, values := range r.Header {
			name = strings.ToLower(name)
			if strings.HasPrefix(name, "x-amz-checksum") || strings.HasPrefix(name, "x-amz-sdk-checksum") ||
				name == "x-amz-trailer" || strings.Contains(strings.Join(values, ""), "STREAMING-") {
				t.Errorf("%s %s carries %s: %s", r.Method, r.URL, name, values)
			}
		}
		return false
	}))
	if err := create(s, "small", "x"); err != nil {
		t.Error(err)
	}
	if err := s.Create(t.Context(), "large", bytes.NewReader(make([]byte, large)), large); err != nil {
		t.Error(err)
	}
	if len(content(t, s, "large")) != large || len(seen) != 5 {
		t.Errorf("not every kind of request was made: %v", seen)
	}
}

func TestCertificateAuthority(t *testing.T) {
	isolate(t, "a", "b")
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is meant to fail
	server.StartTLS()
	t.Cleanup(server.Close)
	cfg := s3.Config{Bucket: "b", Endpoint: server.URL, PathStyle: true}
	if _, err := open(t, cfg).Stat(t.Context(), "k"); !errors.Is(err, fault.Unauthorized) || !strings.Contains(err.Error(), "caFile") {
		t.Errorf("an unknown authority: %v", err)
	}
	cfg.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if _, err := s3.New(t.Context(), cfg); !errors.Is(err, fault.Invalid) {
		t.Errorf("a missing file: %v", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(cfg.CAFile, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, cfg).Stat(t.Context(), "k"); !errors.Is(err, fault.NotFound) {
		t.Errorf("a known authority: %v", err)
	}
}

// What a server must do for the design to hold is checked, not trusted.
func TestServersThatBreakTheRules(t *testing.T) {
	isolate(t, "a", "b")
	list := func(keys ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
			for _, key := range keys {
				_, _ = fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>1</Size></Contents>", key)
			}
			_, _ = io.WriteString(w, "</ListBucketResult>")
		}
	}
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		call    func(s *s3.Store) error
		want    fault.Kind
	}{
		{"lists in another order", list("p/b", "p/a"), listAll, fault.Unsupported},
		{"lists a key twice", list("p/a", "p/a"), listAll, fault.Unsupported},
		{"lists beyond the prefix", list("p/a", "q/a"), listAll, fault.Unsupported},
		{"lists folder markers, which are no objects", list("p/", "p/a/", "p/b"), listAll, ""},
		{"ignores ranges", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "0123456789") }, func(s *s3.Store) error {
			r, err := s.Open(context.Background(), "k", 4, -1)
			if err == nil {
				_ = r.Close()
			}
			return err
		}, fault.Unsupported},
		{"knows no conditional put", func(w http.ResponseWriter, r *http.Request) {
			answer(http.StatusNotImplemented, "NotImplemented")(w, r, nil)
		}, func(s *s3.Store) error { return create(s, "k", "x") }, fault.Unsupported},
		{"answers rubbish", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>login") }, listAll, fault.Unavailable},
		{"wants another region", func(w http.ResponseWriter, r *http.Request) {
			answer(http.StatusMovedPermanently, "PermanentRedirect")(w, r, nil)
		}, listAll, fault.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(tc.handler)
			t.Cleanup(server.Close)
			s := open(t, s3.Config{Bucket: "b", Prefix: "p", Endpoint: server.URL, PathStyle: true})
			if err := tc.call(s); fault.KindOf(err) != tc.want {
				t.Errorf("%v of kind %s, want %s", err, fault.KindOf(err), tc.want)
			}
		})
	}
}

func listAll(s *s3.Store) error {
	for _, err := range s.List(context.Background(), "", "") {
		if err != nil {
			return err
		}
	}
	return nil
}
