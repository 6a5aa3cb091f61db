package supervise

import (
	"context"
	"time"
)

// Until waits for an instant, as a schedule gives it. The zero time never comes:
// then, as when ctx ends before, it returns ctx's error at ctx's end.
func Until(ctx context.Context, at time.Time) error {
	due := Timer(at)
	defer due.Stop()
	select {
	case <-due.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Timer returns a timer that fires at an instant, as a schedule gives it, and never at
// the zero time. It is for who waits for other things besides.
func Timer(at time.Time) *time.Timer {
	if at.IsZero() {
		never := time.NewTimer(time.Hour)
		never.Stop()
		return never
	}
	return time.NewTimer(time.Until(at))
}

// BySchedule calls run whenever it is due until ctx ends, and returns ctx's error.
// next is asked after each run for the next instant after the one it is given; nil
// never comes.
func BySchedule(ctx context.Context, next func(time.Time) time.Time, run func(context.Context)) error {
	for {
		var at time.Time
		if next != nil {
			at = next(time.Now())
		}
		if err := Until(ctx, at); err != nil {
			return err
		}
		run(ctx)
	}
}
