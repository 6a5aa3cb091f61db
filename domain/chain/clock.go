package chain

import "time"

// ParseMoment reads an instant as people write it: RFC 3339, or a time of day
// such as 14:03 or 14:03:20 in the zone of now, which means the last one that is
// not after now.
func ParseMoment(text string, now time.Time) (at time.Time, ok bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		clock, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		on := func(day int) time.Time {
			return time.Date(now.Year(), now.Month(), day, clock.Hour(), clock.Minute(), clock.Second(), 0, now.Location())
		}
		if at = on(now.Day()); at.After(now) {
			at = on(now.Day() - 1)
		}
		return at, true
	}
	return time.Time{}, false
}
