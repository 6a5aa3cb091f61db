package defrag

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// DefaultRate is how fast a member is taken to copy what is in use, in bytes per
// second, while none has shown it: 740 MiB took a member on an ordinary disk 7 s.
const DefaultRate = 100 << 20

// The bounds of how long one member may take.
const (
	leastTimeout = time.Minute
	slowestRate  = 8 << 20 // bytes per second
	// LongestTimeout is as long as a member may be announced to be busy.
	LongestTimeout = 2 * time.Hour
)

// Timeout returns how long a member may take that has this many bytes of
// database: a minute, and more for each byte.
func Timeout(size int64) time.Duration {
	size = max(0, min(size, slowestRate*int64(LongestTimeout/time.Second)))
	return min(leastTimeout+time.Duration(size/slowestRate)*time.Second, LongestTimeout)
}

// Past is what one defragmentation was like.
type Past struct {
	Bytes int64 // in use, which is what is copied
	Took  time.Duration
}

// rate is in bytes per second; 0 if it says nothing.
func (p Past) rate() float64 {
	if p.Bytes <= 0 || p.Took <= 0 {
		return 0
	}
	return float64(p.Bytes) / p.Took.Seconds()
}

// History is each member's last defragmentation that this sidecar saw.
type History map[cluster.ID]Past

// Expect returns how long a member will take for so many bytes in use, and by
// what: its own last run, else the slowest of the others', else DefaultRate.
func (h History) Expect(id cluster.ID, inUse int64) (time.Duration, string) {
	inUse = max(0, inUse)
	if own, ok := h[id]; ok && own.rate() > 0 {
		return during(inUse, own.rate()), fmt.Sprintf("by its last run: %s", own)
	}
	var slowest Past
	for _, p := range h {
		if p.rate() > 0 && (slowest.rate() == 0 || p.rate() < slowest.rate()) {
			slowest = p
		}
	}
	if slowest.rate() > 0 {
		return during(inUse, slowest.rate()), fmt.Sprintf("by another member's last run: %s", slowest)
	}
	return during(inUse, DefaultRate), fmt.Sprintf("taken to be %d MiB/s, as no member was seen yet", DefaultRate>>20)
}

// String is the run in words.
func (p Past) String() string {
	return fmt.Sprintf("%.1f MiB in %s", float64(p.Bytes)/(1<<20), p.Took.Round(10*time.Millisecond))
}

func during(n int64, rate float64) time.Duration {
	return time.Duration(min(float64(n)/rate*float64(time.Second), float64(LongestTimeout)))
}

// Fits says whether a member that is expected to stall may still be begun within
// a window.
func Fits(w schedule.Window, now time.Time, stall time.Duration) (ok bool, reason string) {
	left, open := w.Open(now)
	switch {
	case !open:
		return false, fmt.Sprintf("the window %q is closed", w)
	case left <= stall:
		return false, fmt.Sprintf("the window %q closes in %s, and the stall is expected to be %s", w, left.Round(time.Second), stall.Round(10*time.Millisecond))
	}
	return true, ""
}
