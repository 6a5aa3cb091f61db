package supervise_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/supervise"
)

func TestUntil(t *testing.T) {
	for _, tc := range []struct {
		name string
		at   time.Duration // from now; 0: the zero time
		took time.Duration
		ends bool // ctx does, after an hour
	}{
		{"an instant to come", time.Minute, time.Minute, false},
		{"one that has passed", -time.Minute, 0, false},
		{"one after the end", 2 * time.Hour, time.Hour, true},
		{"never", 0, time.Hour, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began, at := time.Now(), time.Time{}
				if tc.at != 0 {
					at = began.Add(tc.at)
				}
				err := supervise.Until(ctx, at)
				if errors.Is(err, context.DeadlineExceeded) != tc.ends || (err == nil) == tc.ends {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took != tc.took {
					t.Errorf("it took %s, want %s", took, tc.took)
				}
			})
		})
	}
}
