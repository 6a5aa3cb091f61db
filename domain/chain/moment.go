package chain

import (
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// ClockSkew is how far the clock of one leader may be behind that of the one
// before it without a moment being taken for another.
const ClockSkew = time.Hour

// Moment is what an instant means in revisions.
type Moment struct {
	At    time.Time
	Epoch int
	// Revision is the highest of which is known that it was written by then.
	Revision int64
	// Highest is the highest that may have been written by then: times are known
	// of runs of changes, not of each.
	Highest int64
	// Ends says that nothing later than the instant is stored: the cluster may
	// have had revisions that the store never got.
	Ends bool
}

// String is the form used in plans.
func (m Moment) String() string {
	at := m.At.UTC().Format(time.RFC3339Nano)
	switch {
	case m.Ends:
		return fmt.Sprintf("revision %d is the newest of timeline %d at %s; nothing later is stored there", m.Revision, m.Epoch, at)
	case m.Highest > m.Revision:
		return fmt.Sprintf("revisions %d–%d may have been the newest at %s; %d is known to have been written by then", m.Revision, m.Highest, at, m.Revision)
	}
	return fmt.Sprintf("revision %d was the newest at %s", m.Revision, at)
}

// LocateMoment returns the timeline that was being written at an instant: the
// newest that had begun. epoch, if not 0, names another. An instant before
// anything began is NotFound, and so is every one where nothing tells times.
func LocateMoment(c *timeline.Catalogue, epoch int, at time.Time) (*timeline.History, error) {
	if len(c.Timelines) > 0 && !slices.ContainsFunc(c.Timelines, tellsTimes) {
		return nil, fault.New(fault.NotFound, "find moment", at.UTC().Format(time.RFC3339Nano),
			"only fulls are stored, as in a snapshot file, and they do not say when their revisions were written").
			WithRemedy("choose a revision; `revkeeper list` shows what there is")
	}
	if epoch != 0 || len(c.Timelines) == 0 {
		h, _, err := Locate(c, epoch, Latest)
		return h, err
	}
	var earliest time.Time
	for i := len(c.Timelines) - 1; i >= 0; i-- {
		h := &c.Timelines[i]
		if began := beganAt(h); !began.IsZero() {
			if !began.After(at) {
				return h, nil
			}
			earliest = began
		}
	}
	return nil, noMoment(at, fmt.Sprintf("the oldest timeline that is left began at %s", earliest.UTC().Format(time.RFC3339)))
}

// tellsTimes reports whether anything in a timeline says that a revision had been
// written by some time.
func tellsTimes(h timeline.History) bool {
	return len(h.Deltas) > 0 || len(h.Proofs) > 0 || slices.ContainsFunc(h.Fulls, func(f timeline.Full) bool { return f.AtLeast })
}

func noMoment(at time.Time, detail string) error {
	return fault.New(fault.NotFound, "find moment", at.UTC().Format(time.RFC3339Nano), detail).
		WithRemedy("choose a later moment, or a revision; `revkeeper list` shows what there is")
}

// beganAt is when a timeline began, or when its first object did where its
// description is missing.
func beganAt(h *timeline.History) time.Time {
	if h.Described {
		return h.BeganAt
	}
	var first time.Time
	note := func(at time.Time) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for _, f := range h.Fulls {
		note(f.At)
	}
	for _, d := range h.Deltas {
		note(d.At)
	}
	return first
}

// MomentSearch finds the revision of an instant with as few deltas read as
// possible. Next names what must be read, Learn is told what it says, Result has
// the outcome once Next names nothing more.
type MomentSearch struct {
	found   Moment
	unread  []timeline.Delta // ascending, above found.Revision
	seen    bool             // a time after the instant
	settled bool             // what is unread was written after it
}

// NewMomentSearch begins with what keys alone say: a delta that was sealed by
// the instant, a full that was named after its revision, and a revision that a
// member had hashed, were there.
func NewMomentSearch(h *timeline.History, at time.Time) *MomentSearch {
	s := &MomentSearch{found: Moment{At: at, Epoch: h.Epoch}}
	for _, p := range h.Proofs {
		if !p.At.After(at) {
			s.found.Revision = max(s.found.Revision, p.Last)
		}
	}
	for _, f := range h.Fulls {
		if f.AtLeast && !f.At.After(at) {
			s.found.Revision = max(s.found.Revision, f.Last)
		}
	}
	for _, d := range h.Deltas {
		if !d.At.After(at) {
			s.found.Revision = max(s.found.Revision, d.Last)
		}
	}
	for _, d := range h.Deltas {
		if d.Last > s.found.Revision {
			s.unread = append(s.unread, d)
		}
	}
	return s
}

// Next returns up to n deltas to read, lowest revisions first.
func (s *MomentSearch) Next(n int) []timeline.Delta {
	if s.settled {
		return nil
	}
	n = min(n, len(s.unread))
	batch := s.unread[:n]
	s.unread = s.unread[n:]
	return batch
}

// Learn takes the times of a delta that Next named. Once all of one are later
// than the instant by more than clocks can differ, what follows is later too.
func (s *MomentSearch) Learn(times []snapshot.Instant) {
	all := len(times) > 0
	for _, t := range times {
		switch {
		case !t.NotAfter.After(s.found.At):
			s.found.Revision = max(s.found.Revision, t.Revision)
		default:
			s.seen = true
		}
		if !t.NotBefore.After(s.found.At) {
			s.found.Highest = max(s.found.Highest, t.Revision)
		}
		all = all && t.NotBefore.After(s.found.At.Add(ClockSkew))
	}
	s.settled = s.settled || all
}

// Result returns what the instant means. It is NotFound if nothing that is
// stored is known to have been written by then.
func (s *MomentSearch) Result() (Moment, error) {
	m := s.found
	if m.Revision == 0 {
		return m, noMoment(m.At, fmt.Sprintf("nothing in timeline %d is known to have been written by then", m.Epoch))
	}
	m.Highest = max(m.Highest, m.Revision)
	m.Ends = !s.seen
	return m, nil
}
