package cluster

// Alarm is one that a member raised, and that holds until it is disarmed.
type Alarm struct {
	Member ID
	Kind   string // as etcd names it
}

// NoSpace reports whether it is the alarm of a database that has reached its
// quota.
func (a Alarm) NoSpace() bool { return a.Kind == noSpaceAlarm }
