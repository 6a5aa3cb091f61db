package supervise

import (
	"context"
	"time"
)

// Until waits for an instant, as a schedule gives it. The zero time never comes:
// then, as when ctx ends before, it returns ctx's error at ctx's end.
func Until(ctx context.Context, at time.Time) error {
	var due <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
