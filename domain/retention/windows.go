package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const windowsRemedy = "ages as in all: 2h, hourly: 24h, daily: 14d, weekly: 12w, monthly: 12"

// ParseWindows reads windows as people write them: "all: 2h, hourly: 24h, daily:
// 14d, weekly: 12w, monthly: 12", in any order, without those that keep nothing.
// The error says what cannot be read.
func ParseWindows(text string) (Windows, error) {
	var w Windows
	seen := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(item) == "" {
			continue
		}
		name, value, ok := strings.Cut(item, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || seen[name] {
			return w, fmt.Errorf("%q is not of the form name: age, once a name", strings.TrimSpace(item))
		}
		seen[name] = true
		if err := w.set(name, value); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *Windows) set(name, value string) (err error) {
	switch name {
	case "all":
		w.All, err = ParsePeriod(value)
	case "hourly":
		w.Hourly, err = ParsePeriod(value)
	case "daily":
		w.Daily, err = ParsePeriod(value)
	case "weekly":
		w.Weekly, err = ParsePeriod(value)
	case "monthly":
		if w.Monthly, err = strconv.Atoi(value); err != nil {
			err = fmt.Errorf("%q is not a number of months", value)
		}
	default:
		err = fmt.Errorf("%q is none of all, hourly, daily, weekly and monthly", name)
	}
	return err
}

// String is the windows as ParseWindows reads them.
func (w Windows) String() string {
	var parts []string
	for _, p := range []struct {
		name string
		age  time.Duration
	}{{"all", w.All}, {"hourly", w.Hourly}, {"daily", w.Daily}, {"weekly", w.Weekly}} {
		if p.age != 0 {
			parts = append(parts, p.name+": "+periodText(p.age))
		}
	}
	if w.Monthly != 0 {
		parts = append(parts, fmt.Sprintf("monthly: %d", w.Monthly))
	}
	return strings.Join(parts, ", ")
}

const (
	day  = 24 * time.Hour
	week = 7 * day
	// longest bounds what is read, so that no sum of days overflows.
	longest = 100 * 365 * day
)

// ParsePeriod reads a duration that may also be a whole number of days or weeks:
// 90m, 14d, 12w.
func ParsePeriod(text string) (time.Duration, error) {
	for _, unit := range []struct {
		suffix string
		length time.Duration
	}{{"d", day}, {"w", week}} {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 || n > int64(longest/unit.length) {
			return 0, fmt.Errorf("%q is not a number of days or weeks", text)
		}
		return time.Duration(n) * unit.length, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d > longest {
		return 0, fmt.Errorf("%q is not an age, as in 90m, 24h, 14d or 12w", text)
	}
	return d, nil
}

// periodText is a duration as people write it.
func periodText(d time.Duration) string {
	if d > 2*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
