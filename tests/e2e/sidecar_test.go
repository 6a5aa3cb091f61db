// Package e2e runs the built binaries as a user would, without Docker.
package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/images"
)

// patience is ten times what the slowest step takes, only so that nothing hangs.
const patience = 90 * time.Second

// sidecar is one `revkeeper run` process.
type sidecar struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	output  lockedBuffer
	done    chan struct{}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// run starts a sidecar with a quick poll and flush; more flags come last.
func run(t *testing.T, endpoint, storeURL string, flags ...string) *sidecar {
	t.Helper()
	s := &sidecar{t: t, address: freeAddress(t), done: make(chan struct{})}
	args := append([]string{"run", "--etcd-endpoint", endpoint, "--store-url", storeURL, "--http-listen", s.address,
		"--spool-dir", filepath.Join(t.TempDir(), "spool"), "--role-interval", "300ms", "--role-timeout", "1s",
		"--backup-flush-age", "300ms", "--log-format", "json"}, flags...)
	s.cmd = exec.Command(images.Binary(t, "revkeeper"), args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.done
		if t.Failed() {
			t.Logf("the sidecar said:\n%s", s.output.String())
		}
	})
	return s
}

// stop ends the sidecar with SIGTERM and returns its exit code.
func (s *sidecar) stop() int {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Fatal("the sidecar did not end after SIGTERM")
	}
	return s.cmd.ProcessState.ExitCode()
}

// get returns the status code and body of a request; code 0 if none came.
func (s *sidecar) get(path string) (int, string) {
	resp, err := http.Get("http://" + s.address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func (s *sidecar) post(path string) (int, string) {
	resp, err := http.Post("http://"+s.address+path, "application/json", nil)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func (s *sidecar) status() openapi.Status {
	var st openapi.Status
	if code, body := s.get("/v1/status"); code == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &st); err != nil {
			s.t.Fatalf("status %q: %v", body, err)
		}
	}
	return st
}

// await waits until done says yes, and fails with what was awaited otherwise.
func (s *sidecar) await(what string, done func(openapi.Status) bool) openapi.Status {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		st := s.status()
		if done(st) {
			return st
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s; last status %+v", patience, what, st)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// revkeeper runs a command to its end.
func revkeeper(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(images.Binary(t, "revkeeper"), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func folder(t *testing.T) (dir, url string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	return dir, "file://" + dir
}

// contains fails the test unless text has every part.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}
