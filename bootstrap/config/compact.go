package config

import (
	"fmt"
	"time"

	duty "github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// Compact is how chains are made shorter, as an operator says it.
type Compact struct {
	Schedule  string        `yaml:"schedule"` // five fields, UTC; empty for never
	Window    time.Duration `yaml:"window"`
	Target    Size          `yaml:"target"`
	Segments  int           `yaml:"segments"`
	Bandwidth Size          `yaml:"bandwidth"` // bytes per second; 0 for no bound
	Full      struct {
		Enabled   bool          `yaml:"enabled"`
		Bytes     Size          `yaml:"bytes"`
		Revisions int64         `yaml:"revisions"`
		TargetRTO time.Duration `yaml:"targetRto"`
	} `yaml:"full"`
}

func defaultCompact() Compact {
	c := Compact{Window: time.Hour, Target: 64 * MiB, Segments: 4096, Bandwidth: 32 * MiB}
	c.Full.Bytes = 256 * MiB
	return c
}

// RollUp returns the rule by which deltas are rolled up.
func (c Compact) RollUp() compact.RollUp {
	return compact.RollUp{Window: c.Window, Target: int64(c.Target), Segments: c.Segments}
}

// SyntheticFull returns the rule by which a full is built.
func (c Compact) SyntheticFull() compact.Full {
	return compact.Full{Bytes: int64(c.Full.Bytes), Revisions: c.Full.Revisions, TargetRTO: c.Full.TargetRTO}
}

// Duty returns the settings of the duty. It is Invalid only where Validate finds
// the schedule to be.
func (c Compact) Duty() (duty.Config, error) {
	next, err := parseCron(c.Schedule)
	if err != nil {
		return duty.Config{}, fault.Wrap(fault.Invalid, "read schedule", c.Schedule, err)
	}
	return duty.Config{Next: next, RollUp: c.RollUp(), Fulls: c.Full.Enabled, Full: c.SyntheticFull()}, nil
}

// Validate returns everything that is wrong with c, keys relative to its section.
func (c Compact) Validate() []fault.Problem {
	var ps []fault.Problem
	if _, err := parseCron(c.Schedule); err != nil {
		ps = append(ps, fault.Problem{Key: "schedule", Value: c.Schedule, Detail: "is not a schedule: " + err.Error(),
			Remedy: `five fields in UTC, as in "17 * * * *" for every hour, or empty for never`})
	}
	ps = append(ps, c.RollUp().Validate()...)
	ps = append(ps, c.SyntheticFull().Validate()...)
	if c.Bandwidth < 0 {
		ps = append(ps, fault.Problem{Key: "bandwidth", Value: c.Bandwidth.String(), Detail: "is negative", Remedy: "0 for no bound"})
	}
	return ps
}

// validateCompact adds what the store's patience demands: an upload that is held
// back below the slowest rate that counts as alive would be given up.
func (c *Config) validateCompact() []fault.Problem {
	ps := c.Compact.Validate()
	if least := 2 * Size(c.Store.Retry.MinRate); c.Compact.Bandwidth > 0 && c.Compact.Bandwidth < least {
		ps = append(ps, fault.Problem{Key: "bandwidth", Value: c.Compact.Bandwidth.String(),
			Detail: "is less than twice store.retry.minRate, so that uploads would be given up", Remedy: fmt.Sprintf("0 for no bound, or at least %s", least)})
	}
	return ps
}
