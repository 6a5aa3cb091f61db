package config

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/adapters/defragrule"
	"github.com/revkeeper/revkeeper/application/defrag"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
)

// Defrag is how the members are defragmented, as an operator says it.
type Defrag struct {
	Cron           string        `yaml:"cron"`   // five fields, UTC; empty for none
	Window         string        `yaml:"window"` // UTC; empty for always
	Rule           string        `yaml:"rule"`
	Quota          Size          `yaml:"quota"` // 0: not known
	MoveLeader     bool          `yaml:"moveLeader"`
	LeaderStall    time.Duration `yaml:"leaderStall"`
	Settle         time.Duration `yaml:"settle"`
	SingleMember   bool          `yaml:"singleMember"`
	StaleBackup    bool          `yaml:"staleBackup"`
	NoSpace        bool          `yaml:"noSpace"`
	NoSpacePercent int           `yaml:"noSpacePercent"`
}

// defaultRule is worth a stall: a quarter of a GiB and nearly a third of the
// database. Where the quota is known and nearly taken, half of that is.
const defaultRule = "dbSizeFree > 256*1024*1024 && dbSizeFree > 0.3*dbSize || dbQuotaUsage > 0.8 && dbSizeFree > 0.15*dbSize"

func defaultDefrag() Defrag {
	return Defrag{Rule: defaultRule, MoveLeader: true, LeaderStall: time.Second, Settle: time.Minute, NoSpacePercent: 80}
}

// Duty returns the settings in the form of the duty. It is Invalid only where
// Validate finds something.
func (d Defrag) Duty() (defrag.Config, error) {
	if err := fault.Problems(d.Validate()).OrNil(); err != nil {
		return defrag.Config{}, err
	}
	next, err := parseCron(d.Cron)
	if err != nil {
		return defrag.Config{}, fault.Wrap(fault.Invalid, "read schedule", d.Cron, err)
	}
	window, err := schedule.ParseWindow(d.Window)
	if err != nil {
		return defrag.Config{}, fault.Wrap(fault.Invalid, "read window", d.Window, err)
	}
	wanted, err := defragrule.Compile(d.Rule, int64(d.Quota))
	if err != nil {
		return defrag.Config{}, err
	}
	return defrag.Config{
		Next: next, Window: window, Wanted: wanted.Wanted,
		Lead: rule.Lead{Move: d.MoveLeader, Above: d.LeaderStall}, Single: d.SingleMember, Stale: d.StaleBackup,
		Settle: d.Settle, NoSpace: d.NoSpace, Below: d.NoSpacePercent, Quota: int64(d.Quota),
	}, nil
}

// Validate returns everything that is wrong with d, keys relative to its section.
func (d Defrag) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	ps = append(ps, d.validateTimes()...)
	if _, err := defragrule.Compile(d.Rule, int64(d.Quota)); err != nil {
		add("rule", d.Rule, "is not a rule: "+fault.Brief(err),
			"a comparison of dbSize, dbSizeInUse, dbSizeFree, dbQuota and dbQuotaUsage, as in dbSizeFree > 0.5 * dbSize")
	}
	if d.Quota < 0 {
		add("quota", d.Quota.String(), "must not be negative", "a size, as in 2GiB, or 0")
	}
	for _, x := range []struct {
		key            string
		d, least, most time.Duration
	}{{"leaderStall", d.LeaderStall, 0, time.Hour}, {"settle", d.Settle, time.Second, time.Hour}} {
		if x.d < x.least || x.d > x.most {
			add(x.key, x.d.String(), "is out of range", fmt.Sprintf("between %s and %s", x.least, x.most))
		}
	}
	if d.NoSpacePercent < 1 || d.NoSpacePercent > 99 {
		add("noSpacePercent", fmt.Sprint(d.NoSpacePercent), "is out of range", "between 1 and 99")
	}
	return ps
}

// validateTimes finds what is wrong with schedule and window, and with the two
// together.
func (d Defrag) validateTimes() []fault.Problem {
	var ps []fault.Problem
	next, err := parseCron(d.Cron)
	if err != nil {
		ps = append(ps, fault.Problem{Key: "cron", Value: d.Cron, Detail: "is not a schedule: " + err.Error(),
			Remedy: `five fields in UTC, as in "0 3 * * 6" for three o'clock on Saturdays, or empty for none`})
	}
	window, bad := schedule.ParseWindow(d.Window)
	if bad != nil {
		ps = append(ps, fault.Problem{Key: "window", Value: d.Window, Detail: "is not a window: " + bad.Error(),
			Remedy: `days and times in UTC, as in "Sat,Sun 01:00-05:00", several with a semicolon between`})
	}
	switch {
	case err != nil || bad != nil:
	case next == nil && d.Window != "":
		ps = append(ps, fault.Problem{Key: "window", Value: d.Window, Detail: "is of no use without defrag.cron", Remedy: "set defrag.cron, or leave the window out"})
	case next != nil && window.Within(next, anyMoment).IsZero():
		ps = append(ps, fault.Problem{Key: "window", Value: d.Window, Detail: "is never open when defrag.cron, " + d.Cron + ", fires", Remedy: "choose times that fall together; both are in UTC"})
	}
	return ps
}

// anyMoment is where the search for a common time begins: the answer does not
// depend on when it is asked.
var anyMoment = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
