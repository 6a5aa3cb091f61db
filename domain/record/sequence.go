package record

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Sequence checks that records form an unbroken history. etcd gives every
// revision at least one change and numbers the changes of a revision from 0, so
// the next record is either the next ordinal of the same revision or ordinal 0
// of the next one; anything else is a loss.
//
// Start one with After.
type Sequence struct {
	last  Revision
	fresh bool // nothing accepted yet: last's own further changes are not awaited
}

// After returns a Sequence whose first record must be ordinal 0 of last+1.
func After(last int64) Sequence {
	return Sequence{last: Revision{Main: last}, fresh: true}
}

// Last returns the newest main revision accepted, or the start.
func (s *Sequence) Last() int64 { return s.last.Main }

// Next accepts r, or returns Corrupt with both revisions named and keeps its
// state.
func (s *Sequence) Next(r Record) error {
	newRevision := r.Main == s.last.Main+1 && r.Sub == 0
	sameRevision := !s.fresh && r.Main == s.last.Main && r.Sub == s.last.Sub+1
	if !newRevision && !sameRevision {
		return fault.New(fault.Corrupt, "follow history", "",
			fmt.Sprintf("revision %d.%d cannot follow %d.%d", r.Main, r.Sub, s.last.Main, s.last.Sub))
	}
	s.last = r.Revision
	s.fresh = false
	return nil
}
