package retention

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Rule is everything that a plan goes by that an operator decides.
type Rule struct {
	Policy Policy
	// Every is for how long each revision stays restorable, not only fulls.
	Every time.Duration
	// Grace is how long an object stays after something newer took its place.
	Grace time.Duration
	// Stale stops everything while the newest object is older.
	Stale time.Duration
	// Frozen is how long a timeline stays whole after another followed it.
	Frozen time.Duration
	// Leftover is the age at which an upload that was never finished goes.
	Leftover time.Duration
}

// shortestLeftover is longer than any upload takes that is still going on.
const shortestLeftover = time.Hour

// Validate returns what is wrong with the rule, keys relative to the owner's
// section.
func (r Rule) Validate() []fault.Problem {
	ps := r.Policy.Validate()
	for _, d := range []struct {
		key         string
		d, shortest time.Duration
	}{
		{"every", r.Every, 0},
		{"grace", r.Grace, 0},
		{"stale", r.Stale, time.Minute},
		{"frozen", r.Frozen, 0},
		{"leftover", r.Leftover, shortestLeftover},
	} {
		if d.d < d.shortest {
			ps = append(ps, fault.Problem{Key: d.key, Value: d.d.String(), Detail: "is too short", Remedy: fmt.Sprintf("at least %s", d.shortest)})
		}
	}
	return ps
}

// String says in one line what stays.
func (r Rule) String() string {
	var what string
	switch r.Policy.Way {
	case None:
		return "none: nothing is ever deleted"
	case Limit:
		what = fmt.Sprintf("the newest %d fulls", r.Policy.Limit)
	case Keep:
		what = r.Policy.Windows.String()
	default:
		what = string(r.Policy.Way)
	}
	if r.Every > 0 {
		what += fmt.Sprintf("; every revision of the last %s", periodText(r.Every))
	}
	return what
}
