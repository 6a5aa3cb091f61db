package schedule

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Backoff says how long to wait before the next try: Min after the first
// failure, twice as long after each further one, never more than Max. There is
// no chance in it; whoever has many callers adds that.
type Backoff struct {
	Min, Max time.Duration
}

// After returns the wait after a number of failures in a row; none or fewer
// need no wait.
func (b Backoff) After(failures int) time.Duration {
	if failures <= 0 {
		return 0
	}
	wait := b.Min
	for range failures - 1 {
		if wait >= b.Max-wait { // doubling would reach the cap, or overflow
			return b.Max
		}
		wait *= 2
	}
	return min(wait, b.Max)
}

// Validate returns what is wrong with the settings.
func (b Backoff) Validate() []fault.Problem {
	var ps []fault.Problem
	if b.Min <= 0 {
		ps = append(ps, fault.Problem{Key: "backoff.min", Value: b.Min.String(), Detail: "must be positive", Remedy: "for example 1s"})
	}
	if b.Max < b.Min {
		ps = append(ps, fault.Problem{Key: "backoff.max", Value: b.Max.String(), Detail: "is below backoff.min",
			Remedy: fmt.Sprintf("at least %s", b.Min)})
	}
	return ps
}
