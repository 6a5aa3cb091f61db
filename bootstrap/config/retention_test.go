package config_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/retention"
)

func TestRetentionByDefault(t *testing.T) {
	c, err := config.Default().Retention.Keeper()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Rule.String(), "all: 2h, hourly: 24h, daily: 14d, weekly: 84d, monthly: 12; every revision of the last 7d"; got != want {
		t.Errorf("keeps %s\nwant %s", got, want)
	}
	if next := c.Next(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)); next != time.Date(2026, 1, 2, 3, 15, 0, 0, time.UTC) {
		t.Errorf("the next run is at %s", next)
	}
}

func TestRetentionOfAFile(t *testing.T) {
	c, err := load(t, given{env: enough, file: "retention: {policy: limit, limit: 5, every: 14d, keep: 'not read'}"}, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Retention; r.Policy != string(retention.Limit) || r.Limit != 5 || r.Every != 14*24*time.Hour {
		t.Errorf("%+v", r)
	}
}

func TestRetentionThatIsWrong(t *testing.T) {
	for key, change := range map[string]func(*config.Retention){
		"policy":   func(r *config.Retention) { r.Policy = "forever" },
		"keep":     func(r *config.Retention) { r.Keep = "daily: soon" },
		"limit":    func(r *config.Retention) { r.Policy, r.Limit = "limit", 0 },
		"every":    func(r *config.Retention) { r.Every = -1 },
		"stale":    func(r *config.Retention) { r.Stale = 0 },
		"leftover": func(r *config.Retention) { r.Leftover = 0 },
		"schedule": func(r *config.Retention) { r.Schedule = "hourly" },
		"perRun":   func(r *config.Retention) { r.PerRun = 0 },
	} {
		r := config.Default().Retention
		change(&r)
		if ps := r.Validate(); len(ps) != 1 || ps[0].Key != key || ps[0].Remedy == "" {
			t.Errorf("%s: %v", key, ps)
		}
	}
	r := config.Default().Retention
	r.Schedule = "hourly"
	if _, err := r.Keeper(); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}
