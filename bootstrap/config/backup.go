package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// Backup is how the leader's duty behaves, as an operator says it.
type Backup struct {
	Flush struct {
		Age   time.Duration `yaml:"age"`
		Bytes Size          `yaml:"bytes"`
	} `yaml:"flush"`
	Full struct {
		Cron       string `yaml:"cron"` // five fields, UTC; empty for none
		DeltaBytes Size   `yaml:"deltaBytes"`
	} `yaml:"full"`
	Spill struct {
		Size   Size `yaml:"size"`
		Memory Size `yaml:"memory"`
	} `yaml:"spill"`
	Retry struct {
		Min time.Duration `yaml:"min"`
		Max time.Duration `yaml:"max"`
	} `yaml:"retry"`
	CatchUp      int64         `yaml:"catchUp"`
	HeadInterval time.Duration `yaml:"headInterval"`
	AuthInterval time.Duration `yaml:"authInterval"`
	CallTimeout  time.Duration `yaml:"callTimeout"`
}

func defaultBackup() Backup {
	var b Backup
	b.Flush.Age, b.Flush.Bytes = 5*time.Second, 8*MiB
	b.Full.Cron, b.Full.DeltaBytes = "0 3 * * *", 512*MiB
	b.Spill.Size, b.Spill.Memory = GiB, 32*MiB
	b.Retry.Min, b.Retry.Max = time.Second, time.Minute
	b.CatchUp = 30_000
	b.HeadInterval, b.AuthInterval, b.CallTimeout = 10*time.Second, time.Minute, 5*time.Second
	return b
}

// Duty returns the settings in the form of the duty. It is Invalid only where
// Validate finds the cron to be.
func (b Backup) Duty() (backup.Config, error) {
	next, err := parseCron(b.Full.Cron)
	if err != nil {
		return backup.Config{}, fault.Wrap(fault.Invalid, "read schedule", b.Full.Cron, err)
	}
	return backup.Config{
		Flush:   schedule.Flush{Age: b.Flush.Age, Bytes: int64(b.Flush.Bytes)},
		Full:    schedule.Full{Next: next, DeltaBytes: int64(b.Full.DeltaBytes)},
		Retry:   schedule.Backoff{Min: b.Retry.Min, Max: b.Retry.Max},
		CatchUp: b.CatchUp, Spill: int64(b.Spill.Size), SpillMemory: int64(b.Spill.Memory),
		HeadInterval: b.HeadInterval, AuthInterval: b.AuthInterval, CallTimeout: b.CallTimeout,
	}, nil
}

// Validate returns everything that is wrong with b, keys relative to its section.
func (b Backup) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	if _, err := parseCron(b.Full.Cron); err != nil {
		add("full.cron", b.Full.Cron, "is not a schedule: "+err.Error(),
			`five fields in UTC, as in "0 3 * * *" for three o'clock, or empty for none`)
	}
	ps = append(ps, schedule.Flush{Age: b.Flush.Age, Bytes: int64(b.Flush.Bytes)}.Validate()...)
	ps = append(ps, schedule.Full{DeltaBytes: int64(b.Full.DeltaBytes)}.Validate()...)
	for _, p := range (schedule.Backoff{Min: b.Retry.Min, Max: b.Retry.Max}).Validate() {
		p.Key = strings.Replace(p.Key, "backoff.", "retry.", 1)
		p.Detail = strings.Replace(p.Detail, "backoff.", "backup.retry.", 1)
		ps = append(ps, p)
	}
	if b.Spill.Size < b.Flush.Bytes {
		add("spill.size", b.Spill.Size.String(), "is less than backup.flush.bytes, so that no delta fits into it",
			fmt.Sprintf("at least %s", b.Flush.Bytes))
	}
	if b.Spill.Memory < 0 || b.Spill.Memory > b.Spill.Size {
		add("spill.memory", b.Spill.Memory.String(), "is not a part of backup.spill.size",
			fmt.Sprintf("between 0 and %s", b.Spill.Size))
	}
	if b.CatchUp < 1 {
		add("catchUp", fmt.Sprint(b.CatchUp), "must be positive", "a number of revisions, as in 30000")
	}
	for _, d := range []struct {
		key              string
		d, shortest, max time.Duration
	}{
		{"headInterval", b.HeadInterval, 100 * time.Millisecond, time.Hour},
		{"authInterval", b.AuthInterval, time.Second, 24 * time.Hour},
		{"callTimeout", b.CallTimeout, 100 * time.Millisecond, time.Minute},
	} {
		if d.d < d.shortest || d.d > d.max {
			add(d.key, d.d.String(), "is out of range", fmt.Sprintf("between %s and %s", d.shortest, d.max))
		}
	}
	return ps
}

// parseCron returns when a schedule next fires after a moment; nil for none.
func parseCron(spec string) (func(after time.Time) time.Time, error) {
	if strings.TrimSpace(spec) == "" {
		return nil, nil
	}
	s, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(spec)
	if err != nil {
		return nil, err
	}
	if p, ok := s.(*cron.SpecSchedule); ok && p.Location == time.Local {
		p.Location = time.UTC
	}
	return func(after time.Time) time.Time { return s.Next(after.UTC()) }, nil
}
