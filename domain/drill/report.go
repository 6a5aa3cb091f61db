package drill

import "fmt"

// Verdict is what a drill means for the backup.
type Verdict string

// The verdicts.
const (
	Passed   Verdict = "passed"   // it is what the cluster had, as far as hashes are stored
	Unproven Verdict = "unproven" // it can be rebuilt; no hash is stored to compare it with
	Suspect  Verdict = "suspect"  // it is not what the cluster had, and its timeline is marked
)

// Verdicts lists every verdict, for tables that must be complete.
func Verdicts() []Verdict { return []Verdict{Passed, Unproven, Suspect} }

// Report is what came of a drill that was carried out.
type Report struct {
	Outcome
	Where string // name of the member beside which it was
	Good  int64  // with Suspect, the revision up to which the timeline is good
}

// Verdict returns what the outcome means.
func (r Report) Verdict() Verdict {
	switch {
	case r.Differs != nil:
		return Suspect
	case r.Proof != nil:
		return Passed
	}
	return Unproven
}

// String says in one sentence what was shown, where, and what follows.
func (r Report) String() string {
	text := fmt.Sprintf("%s (on %s)", r.Outcome, r.Where)
	if r.Verdict() != Suspect {
		return text
	}
	return fmt.Sprintf("%s; timeline %d is marked as suspect above revision %d, and a new one begins", text, r.Epoch, r.Good)
}
