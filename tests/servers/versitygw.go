// Package servers runs real servers as child processes on the loopback
// interface, for tests that need no container.
package servers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/tests/images"
)

// startTimeout bounds the wait for a server that normally answers within a
// tenth of this.
const startTimeout = 30 * time.Second

// S3 says how to reach a running S3 server.
type S3 struct {
	Endpoint  string // "http://127.0.0.1:<port>"; path-style addressing
	Bucket    string // exists and is empty
	AccessKey string
	SecretKey string
}

// StartVersityGW runs an S3 server that keeps its objects in a directory of the
// test. It is killed, and has ended, when the test's cleanup is over.
func StartVersityGW(t testing.TB) S3 {
	t.Helper()
	binary := images.Binary(t, "versitygw")
	dir := t.TempDir()
	RequireUserXattrs(t, dir)
	s := S3{Bucket: "backups", AccessKey: "revkeeper-test", SecretKey: "revkeeper-test-secret"}
	// A directory of the served tree is a bucket.
	if err := os.Mkdir(filepath.Join(dir, s.Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	s.Endpoint = "http://" + address

	var output syncBuffer
	cmd := exec.Command(binary, "--port", address, "--health", "/health", "--keep-alive", "--quiet", "posix", dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
		if t.Failed() {
			t.Logf("versitygw said:\n%s", output.String())
		}
	})
	if err := awaitHTTP(t.Context(), s.Endpoint+"/health"); err != nil {
		t.Fatalf("versitygw did not start: %v\n%s", err, output.String())
	}
	return s
}

// RequireUserXattrs fails early, with the reason, where versitygw would answer
// every request with an obscure error.
func RequireUserXattrs(t testing.TB, dir string) {
	t.Helper()
	if err := setUserXattr(dir); err != nil {
		t.Fatalf("versitygw keeps metadata in extended attributes, which %s does not take: %v (set TMPDIR to a directory on ext4, xfs or btrfs)", dir, err)
	}
}

// awaitHTTP polls url until something answers it, whatever the status.
func awaitHTTP(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: last answer: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// syncBuffer collects a child's output while the test may read it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
