package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Path is the plan of a restore: the base, the deltas to apply on it in order,
// and where to stop.
type Path struct {
	Epoch  int
	Target int64
	Base   timeline.Full
	// Deltas continue the base without a hole up to Target. Neighbours may
	// overlap; what was already applied is compared, not applied again.
	Deltas []timeline.Delta
	// Witnesses hold revisions above the base and not above Target but are not
	// needed. Their digests must agree with what is applied: they are another
	// leader's view of the same revisions. A base that may hold more than its name
	// says is compared with deltas that hold its last revision, too.
	Witnesses []timeline.Delta
	Reason    string
	// AndLater says that the target was the latest revision, so that what the base
	// turns out to hold above it is wanted, too.
	AndLater bool
}

// ToLatest returns a path that was planned to the latest revision that is known of.
func (p Path) ToLatest() Path {
	if p.Base.AtLeast {
		p.AndLater = true
		p.Reason += "; what the full holds above that is kept"
	}
	return p
}

// DropsNewer reports whether the base is newer than the target, so that the
// records above the target are dropped from it.
func (p Path) DropsNewer() bool { return p.Base.Last > p.Target }

// Accept judges what the base turned out to hold, the history (compact, last], and
// returns the path with that. It is Corrupt if that is not what its name says, and
// NotFound if the name left open how far back it goes and that is not as far as
// the target. Of a path to the latest revision the target may turn out to be later.
func (p Path) Accept(compact, last int64) (Path, error) {
	f := p.Base
	switch {
	case !f.AtLeast && (last != f.Last || compact != f.First), last < f.Last:
		return p, fault.New(fault.Corrupt, "read full", f.Key(),
			fmt.Sprintf("it holds revisions (%d, %d], not what its name says", compact, last))
	case f.AtLeast && compact > p.Target:
		return p, fault.New(fault.NotFound, "read full", f.Key(),
			fmt.Sprintf("it goes back to revision %d, and %d was wanted", compact, p.Target)).
			WithRemedy("choose a revision that `revkeeper list` shows as restorable")
	}
	p.Base.First, p.Base.Last, p.Base.AtLeast = compact, last, false
	if p.AndLater {
		p.Target = max(p.Target, last)
	}
	return p, nil
}

// Bytes returns the stored size of all objects that the path reads whole.
func (p Path) Bytes() int64 {
	n := p.Base.Size
	for _, d := range p.Deltas {
		n += d.Size
	}
	return n
}

// Exclusion says of an object, by its key, why a path must not use it; an empty
// string lets it through. It is how objects found broken are planned around.
type Exclusion func(key string) (why string)

// Plan finds the path to target on a timeline: from the newest full at or below
// the target from which deltas lead there, else from the oldest full above the
// target that still holds its history. A path over disputed revisions is taken
// by nobody; one around them, where a full spares the deltas, is. exclude may be
// nil.
//
// A target that cannot be reached is NotFound and the error names the
// restorable windows and the missing revisions; a target that is reached only
// over a dispute is Diverged. Where no full is known to lead to the target, the
// path begins with the one that most likely does, and Accept tells.
func Plan(h *timeline.History, target int64, exclude Exclusion) (Path, error) {
	usable := without(h, exclude)
	cov := Cover(usable)
	runs := Runs(usable.Deltas)
	var dispute *Range
	for i := len(usable.Fulls) - 1; i >= 0; i-- {
		f := usable.Fulls[i]
		if !f.Finished || f.Last > target || Reach(runs, f.Last) < target || target < 1 {
			continue
		}
		if d := overlapping(cov.Disputed, Range{f.Last + 1, target}); d != nil {
			dispute = d
			break // from an older full the path is longer and crosses it too
		}
		return pathFrom(usable, f, target), nil
	}
	for _, f := range usable.Fulls {
		if f.Finished && restorableFrom(f) <= target && target < f.Last {
			return Path{Epoch: h.Epoch, Target: target, Base: f, Reason: droppingReason(f, dispute)}, nil
		}
	}
	for _, f := range usable.Fulls {
		if f.Finished && f.AtLeast && 1 <= target && target < f.Last {
			return Path{Epoch: h.Epoch, Target: target, Base: f,
				Reason: fmt.Sprintf("full %d is the oldest above the target and may still hold the history there, which is known once it is read; newer records are dropped from it", f.Last)}, nil
		}
	}
	if dispute != nil {
		return Path{}, disputeError(usable, cov, *dispute, target)
	}
	return Path{}, unreachable(usable, cov, target)
}

func droppingReason(f timeline.Full, dispute *Range) string {
	s := fmt.Sprintf("full %d still holds the history from %d on; newer records are dropped from it", f.Last, f.First)
	if dispute != nil {
		s += fmt.Sprintf(", and the deltas that dispute revisions %s are not needed", *dispute)
	}
	return s
}

// overlapping returns the first of ranges that shares a revision with r.
func overlapping(ranges []Range, r Range) *Range {
	for i := range ranges {
		if max(ranges[i].First, r.First) <= min(ranges[i].Last, r.Last) {
			return &ranges[i]
		}
	}
	return nil
}

// pathFrom takes, again and again, the delta that leads furthest among those
// that start within what is reached; every other delta with a revision above
// the base and not above the target is a witness. The caller has checked that
// this leads to the target.
func pathFrom(h *timeline.History, base timeline.Full, target int64) Path {
	p := Path{Epoch: h.Epoch, Target: target, Base: base}
	p.Reason = "a full ends at the target"
	if base.Last == target && !base.AtLeast {
		return p
	}
	reached := base.Last
	var best *timeline.Delta
	take := func() {
		if best != nil && reached < target && best.Last > reached {
			p.Deltas = append(p.Deltas, *best)
			reached = best.Last
		} else if best != nil {
			p.Witnesses = append(p.Witnesses, *best)
		}
		best = nil
	}
	for i := range h.Deltas {
		d := &h.Deltas[i]
		if d.Last < base.Last || d.Last == base.Last && !base.AtLeast || d.First > target {
			continue
		}
		if d.First > reached+1 {
			take()
		}
		switch {
		case best == nil:
			best = d
		case d.Last > best.Last:
			p.Witnesses = append(p.Witnesses, *best)
			best = d
		default:
			p.Witnesses = append(p.Witnesses, *d)
		}
	}
	take()
	if base.Last == target {
		p.Reason = "the name of a full says that it holds the target"
		return p
	}
	p.Reason = fmt.Sprintf("newest full at or below the target is %d; %s to %d", base.Last, leadOn(len(p.Deltas)), target)
	return p
}

func leadOn(deltas int) string {
	if deltas == 1 {
		return "1 delta leads on"
	}
	return fmt.Sprintf("%d deltas lead on", deltas)
}

// NewestFirst returns the deltas, those that reach furthest first.
func NewestFirst(h *timeline.History) []timeline.Delta {
	deltas := slices.Clone(h.Deltas)
	slices.SortStableFunc(deltas, func(a, b timeline.Delta) int { return cmp.Compare(b.Last, a.Last) })
	return deltas
}

func without(h *timeline.History, exclude Exclusion) *timeline.History {
	if exclude == nil {
		return h
	}
	out := *h
	out.Fulls, out.Deltas = nil, nil
	for _, f := range h.Fulls {
		if exclude(f.Key()) == "" {
			out.Fulls = append(out.Fulls, f)
		}
	}
	for _, d := range h.Deltas {
		if exclude(d.Key()) == "" {
			out.Deltas = append(out.Deltas, d)
		}
	}
	return &out
}

// Without returns the history as it would be without the named objects.
func Without(h *timeline.History, keys ...string) *timeline.History {
	return without(h, func(key string) string {
		if slices.Contains(keys, key) {
			return "left out"
		}
		return ""
	})
}

// BasedOn returns the history without fulls that are newer than a revision.
func BasedOn(h *timeline.History, revision int64) *timeline.History {
	out := *h
	out.Fulls = slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return f.Last > revision })
	return &out
}

func unreachable(h *timeline.History, cov Coverage, target int64) error {
	detail := DescribeWindows(cov)
	if target != Latest {
		detail = fmt.Sprintf("revision %d cannot be restored; %s", target, detail)
	}
	if missing := missingFor(h, cov, target); len(missing) > 0 {
		detail += "; no object holds " + joinRanges(missing)
	}
	e := fault.New(fault.NotFound, "plan restore", fmt.Sprintf("timeline %d", h.Epoch), detail)
	if len(cov.Windows) > 0 {
		return e.WithRemedy("choose a revision inside a window, or another timeline; `revkeeper list` shows them all")
	}
	return e.WithRemedy("choose another timeline; `revkeeper list` shows them all")
}

// missingFor returns what lies between the window below target and target and
// is in no delta; nothing if there is no window below.
func missingFor(h *timeline.History, cov Coverage, target int64) []Range {
	for i := len(cov.Windows) - 1; i >= 0; i-- {
		if w := cov.Windows[i]; w.Last < target {
			return subtract(Range{w.Last + 1, target}, Runs(h.Deltas))
		}
	}
	return nil
}

func disputeError(h *timeline.History, cov Coverage, d Range, target int64) error {
	before := "no older point is free of the dispute"
	for i := len(cov.Windows) - 1; i >= 0; i-- {
		if w := cov.Windows[i]; w.First < d.First {
			before = fmt.Sprintf("revision %d is the newest restorable one before the dispute", min(w.Last, d.First-1))
			break
		}
	}
	return fault.New(fault.Diverged, "plan restore", fmt.Sprintf("timeline %d revision %d", h.Epoch, target),
		fmt.Sprintf("two deltas hold different content for revisions %s; %s", d, before)).
		WithRemedy("restore a point before the dispute, or decide by hand which delta is right and set the other aside")
}

// DescribeWindows says which revisions can be restored.
func DescribeWindows(cov Coverage) string {
	if len(cov.Windows) == 0 {
		return "no revision of this timeline can be restored yet: it has no finished full"
	}
	return "restorable: " + joinRanges(cov.Windows)
}

func joinRanges(ranges []Range) string {
	parts := make([]string, len(ranges))
	for i, r := range ranges {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}

func targetName(target int64) string {
	if target == Latest {
		return "the latest revision"
	}
	return fmt.Sprintf("revision %d", target)
}
