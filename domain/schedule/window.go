package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Window is the times of the week within which something may happen, in UTC.
// The zero value is always open.
type Window struct {
	text  string
	spans []span
}

// span is a part of the week in minutes since Sunday 00:00. One that passes the
// end of the week ends after it.
type span struct{ from, to int }

const (
	aDay  = 24 * 60
	aWeek = 7 * aDay
)

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseWindow reads days and times, as in "Sat,Sun 01:00-05:00", several of them
// with a semicolon between. Without days it is every day; a time that ends
// before it begins ends on the next day. Empty text is always open.
func ParseWindow(text string) (Window, error) {
	w := Window{text: strings.TrimSpace(text)}
	if w.text == "" {
		return w, nil
	}
	for _, part := range strings.Split(w.text, ";") {
		fields := strings.Fields(part)
		if len(fields) == 0 || len(fields) > 2 {
			return Window{}, fmt.Errorf("%q is not days and a time", strings.TrimSpace(part))
		}
		days := []int{0, 1, 2, 3, 4, 5, 6}
		if len(fields) == 2 {
			var err error
			if days, err = parseDays(fields[0]); err != nil {
				return Window{}, err
			}
		}
		from, to, err := parseTimes(fields[len(fields)-1])
		if err != nil {
			return Window{}, err
		}
		for _, d := range days {
			w.spans = append(w.spans, span{d*aDay + from, d*aDay + to})
		}
	}
	return w, nil
}

func parseDays(text string) ([]int, error) {
	var days []int
	for _, item := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(weekdays, strings.ToLower(first)), slices.Index(weekdays, strings.ToLower(last))
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("%q is not a day of the week, as in Sat or Mon-Fri", item)
		}
		for d := from; ; d = (d + 1) % 7 {
			days = append(days, d)
			if d == to {
				break
			}
		}
	}
	return days, nil
}

func parseTimes(text string) (from, to int, err error) {
	first, last, ok := strings.Cut(text, "-")
	if ok {
		if from, ok = minutes(first); ok {
			to, ok = minutes(last)
		}
	}
	switch {
	case !ok || from == aDay:
		return 0, 0, fmt.Errorf("%q is not a time of the day, as in 01:00-05:00", text)
	case from == to:
		return 0, 0, fmt.Errorf("%q has no length", text)
	case to < from:
		to += aDay
	}
	return from, to, nil
}

// minutes reads hours and minutes, 24:00 among them.
func minutes(text string) (int, bool) {
	h, m, ok := strings.Cut(text, ":")
	hour, errH := strconv.Atoi(h)
	minute, errM := strconv.Atoi(m)
	if !ok || len(h) != 2 || len(m) != 2 || errH != nil || errM != nil || hour < 0 || minute < 0 || minute > 59 {
		return 0, false
	}
	at := hour*60 + minute
	return at, at <= aDay
}

// String is the window as it was written.
func (w Window) String() string { return w.text }

// Open reports whether the window is open at a moment, and for how long it stays
// so; for a window without bounds that is longer than anything takes.
func (w Window) Open(at time.Time) (left time.Duration, open bool) {
	if len(w.spans) == 0 {
		return time.Duration(1<<63 - 1), true
	}
	at = at.UTC()
	since := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
	week := time.Duration(at.Weekday())*aDay*time.Minute + since
	for _, s := range w.spans {
		for _, now := range []time.Duration{week, week + aWeek*time.Minute} { // a span may pass the end of the week
			if now >= time.Duration(s.from)*time.Minute && now < time.Duration(s.to)*time.Minute {
				left = max(left, time.Duration(s.to)*time.Minute-now)
			}
		}
	}
	return left, left > 0
}

// mostTicks bounds the search for a tick within a window: a year of ticks of
// every minute.
const mostTicks = 366 * aDay

// Within returns the first tick of a schedule after a moment that falls into the
// window; the zero time if there is none within a year.
func (w Window) Within(next func(after time.Time) time.Time, after time.Time) time.Time {
	if next == nil {
		return time.Time{}
	}
	end := after.AddDate(1, 0, 0)
	for range mostTicks {
		after = next(after)
		if after.IsZero() || after.After(end) {
			break
		}
		if _, open := w.Open(after); open {
			return after
		}
	}
	return time.Time{}
}
