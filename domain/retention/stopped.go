package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/words"
)

// stopped returns why nothing may be deleted, if so.
func (r Rule) stopped(c *timeline.Catalogue, f Facts, now time.Time) string {
	newest := c.Newest()
	switch {
	case r.Policy.Way == None:
		return "the policy is none: nothing is ever deleted"
	case newest == nil:
		return "the bucket holds nothing"
	case len(newest.Suspects) > 0:
		return fmt.Sprintf("timeline %d is suspect above revision %d, and no other follows it yet", newest.Epoch, newest.Suspects[0].Last)
	case newest.NewestFull() == nil:
		return fmt.Sprintf("timeline %d has no finished full yet that can be read", newest.Epoch)
	}
	switch last := lastStored(newest, now); {
	case last.IsZero():
		return fmt.Sprintf("everything in timeline %d is dated after %s: a clock is wrong, here or where it was written", newest.Epoch, now.UTC().Format(time.RFC3339))
	case now.Sub(last) > r.Stale:
		return fmt.Sprintf("the newest object is of %s: while the backup is older than %s nothing may go", last.UTC().Format(time.RFC3339), periodText(r.Stale))
	}
	for _, p := range followed(c) {
		if why := broken(p.before, p.next); why != "" {
			return why
		}
		if why := f.shrunk(p.before, p.next); why != "" {
			return why
		}
	}
	return ""
}

// lostPins returns which pinned revision of a catalogue cannot be restored.
func lostPins(c *timeline.Catalogue) string {
	for i := range c.Timelines {
		if why := lostPin(&c.Timelines[i]); why != "" {
			return why
		}
	}
	return ""
}

// pair is a timeline and the one that followed it.
type pair struct{ before, next *timeline.History }

// followed returns which timelines must follow from each other, the newest first.
// Acknowledging a timeline says that whatever came before it is in order. One that
// holds nothing says nothing: it never got anything, or was half deleted.
func followed(c *timeline.Catalogue) []pair {
	var out []pair
	next := c.Newest()
	for i := len(c.Timelines) - 2; i >= 0 && !next.Marked(snapshot.Acknowledged); i-- {
		if before := &c.Timelines[i]; len(before.Fulls)+len(before.Deltas)+len(before.Pins) > 0 {
			out = append(out, pair{before, next})
			next = before
		} else if before.Marked(snapshot.Acknowledged) {
			break
		}
	}
	return out
}

// Compared returns the fulls of which Facts should say how many keys live in them.
func Compared(c timeline.Catalogue) []snapshot.Ref {
	c = trusted(c)
	var out []snapshot.Ref
	add := func(h *timeline.History) {
		if f := h.NewestFull(); f != nil && !slices.Contains(out, f.Ref) {
			out = append(out, f.Ref)
		}
	}
	for _, p := range followed(&c) {
		add(p.next)
		add(p.before)
	}
	return out
}

// shrinkage is how many times smaller a timeline may be than the one before it.
const shrinkage = 10

// shrunk returns why a timeline holds suspiciously little. Where nobody counted
// the keys the stored sizes of the fulls stand in for them.
func (f Facts) shrunk(before, next *timeline.History) string {
	old, now := before.NewestFull(), next.NewestFull()
	if old == nil || now == nil {
		return ""
	}
	was, is := old.Size, now.Size
	oldKeys, knowsOld := f.LiveKeys[old.Ref]
	keys, knows := f.LiveKeys[now.Ref]
	counted := knowsOld && knows
	if counted {
		was, is = oldKeys, keys
	}
	if is >= (was+shrinkage-1)/shrinkage {
		return ""
	}
	found := fmt.Sprintf("timeline %d has %d live keys, timeline %d before it had %d", next.Epoch, is, before.Epoch, was)
	if !counted {
		found = fmt.Sprintf("timeline %d is small: its newest full is %s, that of timeline %d before it is %s", next.Epoch, words.Size(is), before.Epoch, words.Size(was))
	}
	return fmt.Sprintf("%s: a cluster that was wiped must not age out the backups of before; acknowledge timeline %d if that was meant",
		found, next.Epoch)
}

// broken returns why a timeline may not be what became of the one before it.
func broken(before, next *timeline.History) string {
	switch {
	case !next.Described || !before.Described:
		return fmt.Sprintf("timeline %d or %d has no description, so nobody can tell whether they are of one cluster", before.Epoch, next.Epoch)
	case next.ClusterID != before.ClusterID:
		return fmt.Sprintf("timeline %d is of cluster %s, timeline %d of %s: a restored or new cluster, or two under one prefix; acknowledge timeline %d if it is meant to be there",
			next.Epoch, next.ClusterID, before.Epoch, before.ClusterID, next.Epoch)
	case next.First <= before.MaxRevision():
		return fmt.Sprintf("timeline %d begins at revision %d, timeline %d had reached %d: history went back; acknowledge timeline %d if that was meant",
			next.Epoch, next.First, before.Epoch, before.MaxRevision(), next.Epoch)
	}
	return ""
}

// lostPin returns which pinned revision cannot be restored: as nobody knows what
// would bring it back, whatever is left may be needed. A timeline that is retired
// gave its pins up.
func lostPin(h *timeline.History) string {
	if h.Marked(snapshot.Retired) {
		return ""
	}
	for _, pin := range h.Pins {
		if _, err := chain.Plan(h, pin.Last, nil); err != nil {
			return fmt.Sprintf("revision %d of timeline %d is pinned and has no way to it: %v; remove the pin %s if it is not needed", pin.Last, h.Epoch, err, pin.Key())
		}
	}
	return ""
}

// lastStored returns when the newest object of a timeline was begun. What is
// dated in the future was written by a wrong clock and shows nothing.
func lastStored(h *timeline.History, now time.Time) time.Time {
	var last time.Time
	for _, f := range h.Fulls {
		if f.Finished && f.At.After(last) && !f.At.After(now) {
			last = f.At
		}
	}
	for _, d := range h.Deltas {
		if d.At.After(last) && !d.At.After(now) {
			last = d.At
		}
	}
	return last
}
