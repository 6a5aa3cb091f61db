// Package verify holds the rules of what a check of a bucket means: what counts as
// damage, what is only worth knowing, and what was proven by it.
package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Level is how deep a check goes. Each holds those before it.
type Level string

// The levels.
const (
	Structure Level = "structure" // what the listing says: continuous and undisputed
	Objects   Level = "objects"   // every full and delta is what was written
	Restore   Level = "restore"   // a history was rebuilt and compared with etcd's own hash
	History   Level = "history"   // all was rebuilt, from full to full, and compared with each of them
)

// Levels lists the levels, the shallowest first.
func Levels() []Level { return []Level{Structure, Objects, Restore, History} }

// Includes reports whether a check of this level does what other does.
func (l Level) Includes(other Level) bool {
	return slices.Index(Levels(), l) >= slices.Index(Levels(), other)
}

// Finding is something that keeps part of a bucket from being restored.
type Finding struct {
	Kind     fault.Kind // Corrupt, Diverged or NotFound
	Timeline int        // 0 for the bucket
	Object   string     // key; empty for a finding about revisions
	Detail   string

	suspect bool // it is known, and a timeline that follows mends it
}

// Note is something worth knowing that harms nothing by itself.
type Note struct {
	Timeline int // 0 for the bucket
	Detail   string
}

// Restored is a history that was rebuilt.
type Restored struct {
	Timeline int
	Revision int64
	Records  int64           // of deltas
	Proof    *proof.Recorded // that it was compared with; nil for none
	Took     time.Duration
}

// Stretch is a history that was rebuilt from one full to the next, or to the newest
// revision.
type Stretch struct {
	Timeline    int
	First, Last int64           // revisions: of the full, and of the end
	Proof       *proof.Recorded // the newest that it agrees with; nil for none
}

// String says what was rebuilt, and how far it is proven.
func (s Stretch) String() string {
	text := fmt.Sprintf("revisions %s", chain.Range{First: s.First, Last: s.Last})
	switch {
	case s.Proof == nil:
		return text + ", compared with nothing"
	case s.Proof.Revision < s.Last:
		return fmt.Sprintf("%s, what etcd had up to %d", text, s.Proof.Revision)
	}
	return text + ", what etcd had"
}

// Report is what a check found and did.
type Report struct {
	Level    Level
	Windows  map[int][]chain.Range // by timeline what can be restored without the damaged objects
	Objects  int                   // fulls and deltas that were read back
	Bytes    int64                 // of them, as stored
	Restored *Restored             // nil where nothing was rebuilt
	History  []Stretch             // by timeline and revision
	Findings []Finding
	Notes    []Note
}

// Restorable returns what of a timeline can be restored without the objects that
// were found damaged.
func (r Report) Restorable(h *timeline.History) []chain.Range {
	var damaged []string
	for _, f := range r.Findings {
		if f.Object != "" {
			damaged = append(damaged, f.Object)
		}
	}
	return chain.Cover(chain.Without(h, damaged...)).Windows
}

// severity orders the kinds of findings, the worst first.
var severity = []fault.Kind{fault.Corrupt, fault.Diverged, fault.NotFound}

// Worst returns the kind of the worst finding; ok is false if there is none.
func (r Report) Worst() (kind fault.Kind, ok bool) {
	for _, kind := range severity {
		if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind == kind }) {
			return kind, true
		}
	}
	return "", false
}

// Proven says in one sentence what may be relied on after the check.
func (r Report) Proven() string {
	if len(r.Findings) > 0 {
		return "nothing is proven while there are findings"
	}
	switch x := r.Restored; {
	case x != nil && x.Proof != nil:
		text := fmt.Sprintf("revision %d of timeline %d restores; up to revision %d it is what etcd had by its own HashKV, and every byte after that is what was written",
			x.Revision, x.Timeline, x.Proof.Revision)
		if len(r.History) > 0 {
			text += "; what was before it was rebuilt, too, as said above"
		}
		return text
	case x != nil:
		return fmt.Sprintf("revision %d of timeline %d restores, and every byte is what was written; no HashKV is stored to compare it with", x.Revision, x.Timeline)
	case r.Level.Includes(Objects):
		return "every full and delta is what was written; nothing was restored"
	default:
		return "the listing is continuous; no object was read"
	}
}

// Look judges the listing of timelines, which come by epoch: what can never be
// restored, and what is worth knowing. What is missing from a timeline that was
// superseded stays missing, and nothing can be done about it: that is a note, so
// that a check that is run by schedule does not fail for ever.
func Look(histories []timeline.History) (findings []Finding, notes []Note) {
	for i := range histories {
		found, noted := look(&histories[i])
		notes = append(notes, noted...)
		for _, f := range found {
			if (f.Kind == fault.NotFound || f.suspect) && i < len(histories)-1 {
				notes = append(notes, Note{Timeline: f.Timeline, Detail: f.Detail + "; it was superseded"})
				continue
			}
			findings = append(findings, f)
		}
	}
	return findings, notes
}

// gap says what is missing between two windows.
func gap(cov chain.Coverage, r chain.Range) string {
	if cov.MayContain(r.First) {
		return fmt.Sprintf("revisions %s are in no delta; the full above may hold them", r)
	}
	return fmt.Sprintf("revisions %s cannot be restored: nothing holds them", r)
}

// look judges one timeline. Gaps without a delta in them are what retention leaves
// between the points that it keeps; deltas that no full leads up to are another
// matter.
func look(h *timeline.History) (findings []Finding, notes []Note) {
	cov := chain.Cover(h)
	find := func(kind fault.Kind, format string, args ...any) {
		findings = append(findings, Finding{Kind: kind, Timeline: h.Epoch, Detail: fmt.Sprintf(format, args...)})
	}
	note := func(format string, args ...any) {
		notes = append(notes, Note{Timeline: h.Epoch, Detail: fmt.Sprintf(format, args...)})
	}
	for _, r := range cov.Disputed {
		find(fault.Diverged, "two deltas disagree about revisions %s", r)
	}
	for _, r := range cov.Suspect {
		find(fault.Diverged, "revisions %s are suspect: what was rebuilt of them is not what the cluster had", r)
		findings[len(findings)-1].suspect = true
	}
	for _, r := range cov.Baseless {
		find(fault.NotFound, "revisions %s are in deltas, and no full leads up to them", r)
	}
	if len(cov.Windows) == 0 {
		find(fault.NotFound, "it has no finished full, so nothing of it can be restored")
	}
	for _, r := range cov.Gaps {
		if !slices.ContainsFunc(cov.Baseless, func(b chain.Range) bool { return r.Contains(b.First) || r.Contains(b.Last) }) {
			note("%s", gap(cov, r))
		}
	}
	for _, f := range h.Fulls {
		if !f.Finished {
			note("%s has no description: it is being uploaded, or its upload was broken off", f.Key())
		}
	}
	for _, s := range h.Strays {
		find(fault.NotFound, "%s describes a full that is not there", s.Key())
	}
	return findings, notes
}
