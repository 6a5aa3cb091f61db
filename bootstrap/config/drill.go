package config

import (
	"time"

	duty "github.com/revkeeper/revkeeper/application/drill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// Drill is when what the store holds is rebuilt and compared.
type Drill struct {
	Schedule  string `yaml:"schedule"`  // five fields, UTC; empty for never
	Bandwidth Size   `yaml:"bandwidth"` // bytes per second; 0 for no bound
}

// defaultDrill is daily, when the full of the night has been taken.
func defaultDrill() Drill { return Drill{Schedule: "30 4 * * *", Bandwidth: 32 * MiB} }

// Duty returns the settings of the duty. It is Invalid only where Validate finds
// the schedule to be.
func (d Drill) Duty() (duty.Config, error) {
	next, err := parseCron(d.Schedule)
	if err != nil {
		return duty.Config{}, fault.Wrap(fault.Invalid, "read schedule", d.Schedule, err)
	}
	return duty.Config{Next: next, Retry: schedule.Backoff{Min: time.Second, Max: time.Minute}}, nil
}

// Validate returns everything that is wrong with d, keys relative to its section.
func (d Drill) Validate() []fault.Problem {
	var ps []fault.Problem
	if _, err := parseCron(d.Schedule); err != nil {
		ps = append(ps, fault.Problem{Key: "schedule", Value: d.Schedule, Detail: "is not a schedule: " + err.Error(),
			Remedy: `five fields in UTC, as in "30 4 * * *" for every night, or empty for never`})
	}
	if d.Bandwidth != 0 && d.Bandwidth < MiB {
		ps = append(ps, fault.Problem{Key: "bandwidth", Value: d.Bandwidth.String(), Detail: "is too little: a drill would take days", Remedy: "0 for no bound, or at least 1MiB"})
	}
	return ps
}
