package config

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// Retention is what stays in the store, as an operator says it.
type Retention struct {
	Policy   string        `yaml:"policy"`
	Keep     string        `yaml:"keep"`
	Limit    int           `yaml:"limit"`
	Every    time.Duration `yaml:"every"`
	Grace    time.Duration `yaml:"grace"`
	Stale    time.Duration `yaml:"stale"`
	Frozen   time.Duration `yaml:"frozen"`
	Leftover time.Duration `yaml:"leftover"`
	Schedule string        `yaml:"schedule"` // five fields, UTC; empty for none
	PerRun   int           `yaml:"perRun"`
}

const (
	day             = 24 * time.Hour
	mostDeletesARun = 1_000_000
)

// defaultRetention keeps a week of every revision and a year of points. It runs at
// a quarter past, when no full is begun by the default schedule of fulls.
func defaultRetention() Retention {
	return Retention{
		Policy: string(rule.Keep), Keep: "all: 2h, hourly: 24h, daily: 14d, weekly: 12w, monthly: 12", Limit: 30,
		Every: 7 * day, Grace: day, Stale: 6 * time.Hour, Frozen: 30 * day, Leftover: day,
		Schedule: "15 * * * *", PerRun: 10_000,
	}
}

// Keeper returns the settings in the form of the use-case. It is Invalid only
// where Validate finds something.
func (r Retention) Keeper() (retention.Config, error) {
	wanted, err := r.rule()
	if err != nil {
		return retention.Config{}, fault.Wrap(fault.Invalid, "read windows", r.Keep, err)
	}
	next, err := parseCron(r.Schedule)
	if err != nil {
		return retention.Config{}, fault.Wrap(fault.Invalid, "read schedule", r.Schedule, err)
	}
	return retention.Config{Rule: wanted, Limit: r.PerRun, Next: next,
		Retry: schedule.Backoff{Min: time.Second, Max: 10 * time.Second}}, nil
}

func (r Retention) rule() (rule.Rule, error) {
	windows, err := rule.ParseWindows(r.Keep)
	if rule.Way(r.Policy) != rule.Keep {
		err = nil // they mean nothing then
	}
	return rule.Rule{Policy: rule.Policy{Way: rule.Way(r.Policy), Limit: r.Limit, Windows: windows},
		Every: r.Every, Grace: r.Grace, Stale: r.Stale, Frozen: r.Frozen, Leftover: r.Leftover}, err
}

// Validate returns everything that is wrong with r, keys relative to its section.
func (r Retention) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	if wanted, err := r.rule(); err != nil {
		add("keep", r.Keep, "cannot be read: "+err.Error(), "as in all: 2h, hourly: 24h, daily: 14d, weekly: 12w, monthly: 12")
	} else {
		ps = append(ps, wanted.Validate()...)
	}
	if _, err := parseCron(r.Schedule); err != nil {
		add("schedule", r.Schedule, "is not a schedule: "+err.Error(), `five fields in UTC, as in "15 * * * *" for a quarter past each hour, or empty for none`)
	}
	if r.PerRun < 1 || r.PerRun > mostDeletesARun {
		add("perRun", fmt.Sprint(r.PerRun), "is out of range", fmt.Sprintf("between 1 and %d", mostDeletesARun))
	}
	return ps
}
