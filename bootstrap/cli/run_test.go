package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/bootstrap/cli"
)

// TestRunUntilToldToEnd: with etcd away and a store that is not there yet.
func TestRunUntilToldToEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	log := &watchedLog{wanted: `"listening"`, found: cancel}
	var stdout bytes.Buffer
	code := cli.Program{Stdout: &stdout, Stderr: log}.Run(ctx, []string{"run", "--name", "m1",
		"--endpoint", "http://127.0.0.1:1", "--store", "file://" + t.TempDir() + "/later", "--listen", "127.0.0.1:0", "--spool-dir", t.TempDir()})
	if code != 0 || stdout.Len() > 0 {
		t.Errorf("exit %d: %s", code, stdout.String())
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if !strings.Contains(log.String(), `"listening"`) || !strings.Contains(lines[len(lines)-1], "revkeeper ended") {
		t.Errorf("logged\n%s", log)
	}
}

func TestRunRefusesWhatItCannotActOn(t *testing.T) {
	got := command(t, "run", "--endpoint", "nowhere", "--backup-flush-bytes", "2GiB")
	if got.code != 2 || strings.Count(got.stderr, "what to do") != 4 {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// watchedLog calls found once wanted was written.
type watchedLog struct {
	wanted string
	found  func()

	mu   sync.Mutex
	text strings.Builder
}

func (l *watchedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if strings.Contains(string(p), l.wanted) {
		l.found()
	}
	return len(p), nil
}

func (l *watchedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
