package fault

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with a configuration or a request. Validation
// collects all of them, so that the operator mends everything in one go.
type Problem struct {
	Key    string // the setting's path: "backup.flush.age"
	Value  string // what was given; never a secret
	Detail string // why it cannot be used
	Remedy string // what would be accepted
}

// String puts the problem on one line.
func (p Problem) String() string {
	s := p.Key
	if p.Value != "" {
		s += fmt.Sprintf("=%q", p.Value)
	}
	s += ": " + p.Detail
	if p.Remedy != "" {
		s += " (" + p.Remedy + ")"
	}
	return s
}

// Problems is an error of kind Invalid made of one or more problems.
type Problems []Problem

// Error lists every problem, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Is reports Problems as Invalid.
func (ps Problems) Is(target error) bool { return target == Invalid }

// As lets KindOf find the kind.
func (ps Problems) As(target any) bool {
	if k, ok := target.(*Kind); ok {
		*k = Invalid
		return true
	}
	return false
}

// OrNil returns nil when there is no problem.
func (ps Problems) OrNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}
