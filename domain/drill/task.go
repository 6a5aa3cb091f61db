package drill

import (
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Task is a stretch of a timeline to rebuild: what a restore of Revision is made of if
// it begins with a full that is not newer than From.
type Task struct {
	Epoch    int
	Revision int64
	// From is the revision of that full. Newer ones are left aside, for what the deltas
	// before them lost shows in no history that begins with them.
	From int64
	// Known is the revision up to which the timeline was compared before; 0 for nothing.
	Known int64
}

// Pick returns the next stretch of the newest timeline to rebuild, and whether it is
// the last of this drill: that of its newest full and revision. done is the one before,
// the zero Task at first. Where there is nothing to rebuild, or it is known to be
// suspect, the reason says so.
//
// A drill goes on where the newest verified revision is, from one full to the next. It
// ends a stretch at a full whose hash is known, since that proves the whole of it.
func Pick(c *timeline.Catalogue, done Task) (t Task, last bool, reason string) {
	h := c.Newest()
	if h == nil {
		return t, false, "the store holds no timeline yet"
	}
	if good, suspect := h.Good(); suspect {
		return t, false, fmt.Sprintf("timeline %d is suspect above revision %d already, and the next has not begun", h.Epoch, good)
	}
	newest, ok := chain.Cover(h).Newest()
	if !ok {
		return t, false, fmt.Sprintf("nothing of timeline %d can be restored yet", h.Epoch)
	}
	known := int64(0)
	if done.Epoch == h.Epoch {
		known = done.Revision
	}
	for _, v := range h.Verified {
		known = max(known, v.Last)
	}
	t, last, _ = stretch(h, newest, min(known, newest))
	return t, last, ""
}

// Stretch returns the next stretch of a timeline as Pick does, whatever was verified of
// it and only as far as it is not suspect. ok is false where nothing is left.
func Stretch(h *timeline.History, done Task) (t Task, last, ok bool) {
	newest, ok := chain.Cover(h).Newest()
	if good, suspect := h.Good(); suspect {
		newest = min(newest, good)
	}
	if !ok {
		return t, false, false
	}
	return stretch(h, newest, min(done.Revision, newest))
}

// stretch returns what to rebuild next where everything up to known was compared; ok is
// false where no full is old enough.
func stretch(h *timeline.History, newest, known int64) (t Task, last, ok bool) {
	var fulls []int64
	for _, f := range h.Fulls {
		if f.Finished && f.Last <= newest {
			fulls = append(fulls, f.Last)
		}
	}
	if len(fulls) == 0 {
		return t, false, false
	}
	at := 0 // the full to begin with
	for at+1 < len(fulls) && fulls[at+1] <= known {
		at++
	}
	for ; ; at++ {
		t = Task{Epoch: h.Epoch, From: fulls[at], Known: known, Revision: newest}
		if last = fulls[at] == fulls[len(fulls)-1]; last {
			return t, true, true
		}
		for _, f := range fulls[at+1:] {
			if f > known && f > fulls[at] && hashed(h, f) {
				t.Revision = f
				break
			}
		}
		// Behind a gap only the next full leads on.
		if t.Revision = min(t.Revision, reach(h, fulls[at])); t.Revision > max(known, fulls[at]) {
			return t, false, true
		}
	}
}

// reach returns how far deltas lead on from a full.
func reach(h *timeline.History, full int64) int64 {
	for _, w := range chain.Cover(chain.BasedOn(h, full)).Windows {
		if w.Contains(full) {
			return w.Last
		}
	}
	return full
}

// hashed reports whether a proof of the revision is stored.
func hashed(h *timeline.History, revision int64) bool {
	return slices.ContainsFunc(h.Proofs, func(p snapshot.Ref) bool { return p.Last == revision })
}
