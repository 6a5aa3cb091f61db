package retention

import (
	"errors"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// Summary is what one run did, or would have done.
type Summary struct {
	At     time.Time // when it began
	Took   time.Duration
	DryRun bool
	// Stopped says why nothing was to be deleted, Error why the run ended early;
	// both are empty in a good run.
	Stopped string
	Error   string

	Kept, Deleted           int // objects; in a dry run what would be
	KeptBytes, DeletedBytes int64
	Locked                  int   // that a lock of the store keeps for now
	Failed                  int   // that could not be deleted
	Spared                  int   // that stayed since something stayed that needs them
	Left                    int   // for the next run: above the limit, or the run ended early
	Swept                   int   // uploads that were never finished, outside of any object
	ReadBack                int   // objects that were read back in this run; in a dry run those that would have to be
	ReadBackBytes           int64 // stored bytes of them
	Damaged                 int   // objects that did not read back
}

// Report is a Summary with what it sums up.
type Report struct {
	Summary
	Plan   Plan
	Missed []Missed // what was to go and did not, nor will before the next run
}

// Failure returns why the first object could not be deleted that no lock keeps,
// nil if there is none.
func (r *Report) Failure() error {
	for _, m := range r.Missed {
		if !errors.Is(m.Err, fault.Immutable) {
			return m.Err
		}
	}
	return nil
}

// Keeps counts what the plan keeps.
func (r *Report) Keeps() {
	r.Kept, r.KeptBytes = 0, 0
	for _, d := range r.Plan.Decisions {
		if !d.Delete {
			r.Kept++
			r.KeptBytes += d.Size
		}
	}
}

// Missed is an object that could not be deleted.
type Missed struct {
	Decision
	Err error
}

// State is what a sidecar says of its retention.
type State struct {
	Rule    string    // what stays, in words; empty where nothing is known
	Next    time.Time // of the next run by schedule; zero for none
	Running bool
	Last    *Summary // of the last run that deletes; nil before the first
}

// Group is a run of decisions of one kind that have one reason.
type Group struct {
	Epoch       int
	Kind        snapshot.Kind
	Delete      bool
	Reason      string
	Objects     int
	Bytes       int64
	First, Last int64 // the revisions that they are about
}

// Groups sums decisions up, in the order in which each group first comes. A full
// counts as one object with its description.
func Groups(decisions []Decision) []Group {
	type key struct {
		epoch  int
		kind   snapshot.Kind
		delete bool
		reason string
	}
	var out []Group
	at := map[key]int{}
	for _, d := range decisions {
		if d.Ref.Kind == snapshot.KindManifest && d.Reason != strayReason {
			continue
		}
		k := key{d.Ref.Epoch, d.Ref.Kind, d.Delete, d.Reason}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, Group{Epoch: k.epoch, Kind: k.kind, Delete: k.delete, Reason: k.reason, First: d.Ref.Last, Last: d.Ref.Last})
		}
		g := &out[i]
		g.Objects++
		g.Bytes += d.Size
		first := d.Ref.Last
		if d.Ref.Kind == snapshot.KindDelta {
			first = d.Ref.First
		}
		g.First, g.Last = min(g.First, first), max(g.Last, d.Ref.Last)
	}
	return out
}
