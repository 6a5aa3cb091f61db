package schedule_test

import (
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/schedule"
)

func TestWindow(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	// 2026-03-01 is a Sunday.
	for _, tc := range []struct {
		name, window, now string
		open              bool
		left              time.Duration
	}{
		{"before it opens", "Sat,Sun 01:00-05:00", "2026-03-01 00:59:59", false, 0},
		{"as it opens", "Sat,Sun 01:00-05:00", "2026-03-01 01:00:00", true, 4 * time.Hour},
		{"as it closes", "Sat,Sun 01:00-05:00", "2026-03-01 05:00:00", false, 0},
		{"the moment before", "Sat,Sun 01:00-05:00", "2026-03-01 04:59:59", true, time.Second},
		{"another day", "Sat,Sun 01:00-05:00", "2026-03-02 02:00:00", false, 0},
		{"every day", "02:00-03:00", "2026-03-04 02:30:00", true, 30 * time.Minute},
		{"over midnight, the evening", "Fri 22:00-04:00", "2026-03-06 23:00:00", true, 5 * time.Hour},
		{"over midnight, the morning after", "Fri 22:00-04:00", "2026-03-07 03:00:00", true, time.Hour},
		{"over midnight, the morning before", "Fri 22:00-04:00", "2026-03-06 03:00:00", false, 0},
		{"over the end of the week", "Sat 22:00-04:00", "2026-03-01 03:00:00", true, time.Hour},
		{"a range of days", "Mon-Fri 01:00-02:00", "2026-03-04 01:00:00", true, time.Hour},
		{"a range over the end of the week", "Sat-Mon 01:00-02:00", "2026-03-01 01:00:00", true, time.Hour},
		{"and not outside of it", "Sat-Mon 01:00-02:00", "2026-03-03 01:00:00", false, 0},
		{"several", "Sat 01:00-02:00; Sun 03:00-04:00", "2026-03-01 03:30:00", true, 30 * time.Minute},
		{"the whole day", "Sun 00:00-24:00", "2026-03-01 23:59:00", true, time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, err := schedule.ParseWindow(tc.window)
			if err != nil {
				t.Fatal(err)
			}
			left, open := w.Open(at(tc.now))
			if open != tc.open || left != tc.left {
				t.Errorf("open %v for %s, want %v for %s", open, left, tc.open, tc.left)
			}
			if w.String() != tc.window {
				t.Errorf("it calls itself %q", w)
			}
		})
	}
	if _, open := (schedule.Window{}).Open(at("2026-03-01 12:00:00")); !open {
		t.Error("no window is closed")
	}
	// Whoever asks elsewhere on earth asks about the same moment.
	w, _ := schedule.ParseWindow("Sun 01:00-02:00")
	if _, open := w.Open(at("2026-03-01 01:30:00").In(time.FixedZone("", -12*3600))); !open {
		t.Error("the window is not in UTC")
	}
}

func TestWindowsThatAreNone(t *testing.T) {
	for _, text := range []string{
		"Sat", "Sat 01:00", "Caturday 01:00-02:00", "Sat 1:00-2:00", "Sat 01:00-25:00", "01:00-01:00", "24:00-01:00", "01:60-02:00",
		"Sat 01:00-02:00;", "Sat Sun 01:00-02:00", "Sat- 01:00-02:00", "01:00-02:00-03:00", "-1:00-02:00",
	} {
		if w, err := schedule.ParseWindow(text); err == nil {
			t.Errorf("%q is read as %+v", text, w)
		}
	}
}

func TestTicksWithinAWindow(t *testing.T) {
	hourly := func(after time.Time) time.Time { return after.Truncate(time.Hour).Add(time.Hour) }
	now := time.Date(2026, 3, 2, 12, 30, 0, 0, time.UTC) // a Monday
	w, err := schedule.ParseWindow("Sat 01:30-04:00")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Within(hourly, now); !got.Equal(time.Date(2026, 3, 7, 2, 0, 0, 0, time.UTC)) {
		t.Errorf("the next tick is %s", got)
	}
	if got := (schedule.Window{}).Within(hourly, now); !got.Equal(now.Add(30 * time.Minute)) {
		t.Errorf("without a window the next tick is %s", got)
	}
	narrow, _ := schedule.ParseWindow("01:10-01:20")
	if got := narrow.Within(hourly, now); !got.IsZero() {
		t.Errorf("a tick at %s falls into %s", got, narrow)
	}
	if got := w.Within(nil, now); !got.IsZero() {
		t.Errorf("without a schedule the next tick is %s", got)
	}
}
