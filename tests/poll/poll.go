// Package poll waits for what other programs do in their own time.
package poll

import (
	"testing"
	"time"
)

// interval is short beside everything that is waited for.
const interval = 50 * time.Millisecond

// Until asks what is wrong until the answer is empty, and fails the test with the
// last one if that takes longer than patience, which only bounds a test that hangs.
func Until(t testing.TB, patience time.Duration, wrong func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		why := wrong()
		if why == "" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain: %s", patience, why)
		}
	}
}
