package wiring_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// patience is how long a test waits for what takes milliseconds.
const patience = 30 * time.Second

// silence is an address at which connections are accepted and nobody ever
// answers, which is worse than one that refuses.
func silence(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func settings(t *testing.T, store string) config.Config {
	t.Helper()
	c := config.Default()
	c.Etcd.Endpoint = "http://" + silence(t)
	c.Store.URL = store
	c.HTTP.Listen = "127.0.0.1:0"
	c.Spool.Dir = t.TempDir()
	c.Role.Interval, c.Role.Timeout = 100*time.Millisecond, 100*time.Millisecond
	return c
}

var build = wiring.Build{Version: "test"}

// TestSidecarServesWhileEtcdAndStoreAreSilent: whoever asks how the sidecar is
// gets an answer exactly when things are bad.
func TestSidecarServesWhileEtcdAndStoreAreSilent(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "key")
	for name, store := range map[string]string{
		"s3 store":    "s3://bucket/prefix?endpoint=http://" + silence(t),
		"local store": "file://" + filepath.Join(t.TempDir(), "not", "there"),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			sidecar, cleanup, err := wiring.InitializeRun(ctx, settings(t, store), build, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer cleanup()
			ended := make(chan error, 1)
			go func() { ended <- sidecar.Run(ctx) }()
			select {
			case <-sidecar.Server().Listening():
			case err := <-ended:
				t.Fatalf("ended with %v", err)
			case <-time.After(patience):
				t.Fatal("it does not listen")
			}
			base := "http://" + sidecar.Server().Addr().String()
			for path, want := range map[string]string{
				"/livez": "ok", "/readyz?verbose": "[+] supervisor", "/metrics": "revkeeper_store_calls_total",
				"/v1/status": `"version":"test"`, "/": "revkeeper",
			} {
				if body := get(t, base+path); !strings.Contains(body, want) {
					t.Errorf("%s answers %.400s, want %q in it", path, body, want)
				}
			}
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
		})
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", url, res.Status, err)
	}
	return string(body)
}

// TestAddressInUseEndsTheSidecar: nobody could tell how it is.
func TestAddressInUseEndsTheSidecar(t *testing.T) {
	c := settings(t, "file://"+t.TempDir())
	c.HTTP.Listen = silence(t)
	sidecar, cleanup, err := wiring.InitializeRun(t.Context(), c, build, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer cleanup()
	if err := sidecar.Run(t.Context()); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), c.HTTP.Listen) {
		t.Errorf("ended with %v", err)
	}
}

func TestStoreURLs(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	dir := t.TempDir()
	for _, tc := range []struct {
		url, location string
		kind          fault.Kind
	}{
		{"file://" + dir, "file://" + dir, ""},
		{"s3://bucket/a/b/", "s3://bucket/a/b", ""},
		{"s3://bucket?endpoint=http://127.0.0.1:1&conditionalPut=false", "s3://bucket", ""},
		{"gs://bucket", "", fault.Invalid},
		{"", "", fault.Invalid},
	} {
		c := config.Default().Store
		c.URL = tc.url
		b, err := wiring.InitializeStore(t.Context(), c, slog.New(slog.DiscardHandler))
		if fault.KindOf(err) != tc.kind {
			t.Errorf("%s: %v, want %q", tc.url, err, tc.kind)
			continue
		}
		if err == nil && b.Store.Capabilities().Location != tc.location {
			t.Errorf("%s leads to %s", tc.url, b.Store.Capabilities().Location)
		}
		if err == nil && b.Store.Capabilities().AtomicCreate == strings.Contains(tc.url, "conditionalPut=false") {
			t.Errorf("%s: AtomicCreate = %t", tc.url, b.Store.Capabilities().AtomicCreate)
		}
	}
}
