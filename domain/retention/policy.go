// Package retention decides which objects of a bucket may go. Its unit is the
// restorable point, never the file: a full stays while what is kept needs it.
package retention

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Policy says which fulls stay as points of their own. Exactly one of its ways is
// used.
type Policy struct {
	Way     Way
	Limit   int     // for Limit: the newest so many fulls
	Windows Windows // for Keep
}

// Way names how a policy chooses.
type Way string

// The ways.
const (
	// Exponential keeps every full of the current hour, the newest of each hour of
	// the day, of each day of the week before, and of each week of the month
	// before, by the calendar in UTC. Older ones go.
	Exponential Way = "exponential"
	// Limit keeps the newest few.
	Limit Way = "limit"
	// Keep keeps by age, as Windows says.
	Keep Way = "keep"
	// None deletes nothing at all.
	None Way = "none"
)

// Windows keeps all fulls that are younger than All, and the newest of each
// calendar hour, day, ISO week and month, in UTC, that are younger than the
// respective age. Zero means that nothing is kept by that window.
type Windows struct {
	All     time.Duration
	Hourly  time.Duration
	Daily   time.Duration
	Weekly  time.Duration
	Monthly int // months
}

// Validate returns what is wrong with the policy, keys relative to the owner's
// section.
func (p Policy) Validate() []fault.Problem {
	bad := func(key, value, detail, remedy string) []fault.Problem {
		return []fault.Problem{{Key: key, Value: value, Detail: detail, Remedy: remedy}}
	}
	switch p.Way {
	case Exponential, None:
	case Limit:
		if p.Limit < 1 {
			return bad("limit", fmt.Sprint(p.Limit), "keeps nothing", "a number of fulls, as in 7")
		}
	case Keep:
		w := p.Windows
		if min(w.All, w.Hourly, w.Daily, w.Weekly) < 0 || w.Monthly < 0 {
			return bad("keep", "", "has a negative age", windowsRemedy)
		}
		if w == (Windows{}) {
			return bad("keep", "", "keeps nothing", windowsRemedy)
		}
	default:
		return bad("policy", string(p.Way), "is no policy", "keep, exponential, limit, or none to delete nothing")
	}
	return nil
}

// tier keeps the newest full of each bucket among those taken since.
type tier struct {
	since  time.Time
	bucket func(time.Time) string // nil: each full is a bucket of its own
	name   string
}

func (p Policy) tiers(now time.Time) []tier {
	now = now.UTC()
	switch p.Way {
	case Exponential:
		day := now.Truncate(24 * time.Hour)
		return []tier{
			{now.Truncate(time.Hour), nil, "of the current hour"},
			{day, hourly, "newest of hour"},
			{day.AddDate(0, 0, -7), daily, "newest of day"},
			{day.AddDate(0, 0, -35), weekly, "newest of week"},
		}
	case Keep:
		w := p.Windows
		return slices.DeleteFunc([]tier{
			{now.Add(-w.All), nil, "younger than " + periodText(w.All)},
			{now.Add(-w.Hourly), hourly, "newest of hour"},
			{now.Add(-w.Daily), daily, "newest of day"},
			{now.Add(-w.Weekly), weekly, "newest of week"},
			{now.AddDate(0, -w.Monthly, 0), monthly, "newest of month"},
		}, func(t tier) bool { return !t.since.Before(now) })
	}
	return nil
}

func hourly(t time.Time) string { return t.UTC().Format("2006-01-02 15h") }
func daily(t time.Time) string  { return t.UTC().Format("2006-01-02") }
func weekly(t time.Time) string {
	year, week := t.UTC().ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}
func monthly(t time.Time) string { return t.UTC().Format("2006-01") }

// after is the policy of a timeline that is followed by others with that many
// finished fulls: a number of fulls counts over all of them.
func (p Policy) after(later int) Policy {
	p.Limit = max(0, p.Limit-later)
	return p
}

// Chosen returns why each full stays that the policy chooses. fulls must all be
// finished.
func (p Policy) Chosen(fulls []timeline.Full, now time.Time) map[snapshot.Ref]string {
	byAge := slices.Clone(fulls)
	slices.SortFunc(byAge, func(a, b timeline.Full) int { // newest first
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Last, a.Last))
	})
	chosen := map[snapshot.Ref]string{}
	if p.Way == Limit {
		for i, f := range byAge[:min(p.Limit, len(byAge))] {
			chosen[f.Ref] = fmt.Sprintf("number %d of the newest %d", i+1, p.Limit)
		}
		return chosen
	}
	for _, t := range p.tiers(now) {
		filled := map[string]bool{}
		for _, f := range byAge {
			if f.At.Before(t.since) {
				break
			}
			reason := t.name
			if t.bucket != nil {
				bucket := t.bucket(f.At)
				if filled[bucket] {
					continue
				}
				filled[bucket] = true
				reason += " " + bucket
			}
			if chosen[f.Ref] == "" {
				chosen[f.Ref] = reason
			}
		}
	}
	return chosen
}
