// Package schedule decides when something is due: a delta, a full, another try.
// Time is an argument; nothing here waits.
package schedule

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Flush says when a delta that is being written is sealed and uploaded.
type Flush struct {
	Age   time.Duration // since the delta's oldest change was seen; at least 100 ms
	Bytes int64         // stored size; at least 64 KiB
}

// The bounds of Flush: below them the store is paid for requests, above the age
// a backup is no longer continuous.
const (
	MinFlushAge   = 100 * time.Millisecond
	MaxFlushAge   = time.Hour
	MinFlushBytes = 64 << 10
	MaxFlushBytes = 1 << 30
)

// Due reports whether a delta of pending bytes whose oldest change was seen at
// oldest is to be sealed now, and why. A zero oldest means that it is empty, and
// an empty delta is never due.
func (f Flush) Due(oldest time.Time, pending int64, now time.Time) (due bool, reason string) {
	switch {
	case oldest.IsZero():
		return false, ""
	case pending >= f.Bytes:
		return true, fmt.Sprintf("%s are pending, the limit is %s", words.Size(pending), words.Size(f.Bytes))
	case !now.Before(f.Next(oldest)):
		return true, fmt.Sprintf("the oldest pending change is %s old, the limit is %s", now.Sub(oldest), f.Age)
	default:
		return false, ""
	}
}

// Next returns when a delta becomes due by age; the zero time for an empty one.
func (f Flush) Next(oldest time.Time) time.Time {
	if oldest.IsZero() {
		return time.Time{}
	}
	return oldest.Add(f.Age)
}

// Validate returns what is wrong with the settings; the keys are those of the
// configuration file, relative to the owner's section.
func (f Flush) Validate() []fault.Problem {
	var ps []fault.Problem
	if f.Age < MinFlushAge || f.Age > MaxFlushAge {
		ps = append(ps, fault.Problem{Key: "flush.age", Value: f.Age.String(), Detail: "is out of range",
			Remedy: fmt.Sprintf("between %s and %s", MinFlushAge, MaxFlushAge)})
	}
	if f.Bytes < MinFlushBytes || f.Bytes > MaxFlushBytes {
		ps = append(ps, fault.Problem{Key: "flush.bytes", Value: fmt.Sprint(f.Bytes), Detail: "is out of range",
			Remedy: fmt.Sprintf("between %d and %d", MinFlushBytes, MaxFlushBytes)})
	}
	return ps
}

// First reports whether the first delta of a leader that takes over, which ends
// at revision last, is due. It does not wait to grow old: what it lacks was
// never stored by anybody. It is due once it reaches head, where the cluster was
// when the leader began.
func (Flush) First(last, head int64) bool { return last >= head }
