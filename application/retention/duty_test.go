package retention_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/retention"
	rule "github.com/revkeeper/revkeeper/domain/retention"
)

// A schedule such as the 30th of February is valid and never comes.
func TestTheDutyKeepsToItsSchedule(t *testing.T) {
	for _, tc := range []struct {
		name string
		next func(after time.Time) time.Time
		runs int // within a day
	}{
		{"every six hours", func(after time.Time) time.Time { return after.Truncate(6 * time.Hour).Add(6 * time.Hour) }, 3},
		{"a day that never comes", func(time.Time) time.Time { return time.Time{} }, 0},
		{"none", nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour-time.Second)
				defer cancel()
				runs := 0
				k := retention.New(retention.Config{Next: tc.next}, nil, nil, nil, nil)
				err := k.Duty(ctx, func(context.Context) (rule.Report, error) {
					if runs++; runs > 100 {
						cancel() // else it would never end
					}
					return rule.Report{}, nil
				})
				if runs != tc.runs || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%d runs, want %d; %v", runs, tc.runs, err)
				}
				if next := k.State().Next; !next.IsZero() {
					t.Errorf("the next run is shown as %s after the end", next)
				}
			})
		})
	}
}
