package gardener

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Catalog sorts a listing into timelines. Names tell neither the cluster nor what
// an object follows, so a timeline is what the names let one take for a history:
// see begins. Objects that are no backups are foreign.
func Catalog(objects []timeline.Object) timeline.Catalogue {
	var c timeline.Catalogue
	var backups []backup
	for _, o := range objects {
		ref, layout, ok := Parse(o.Key)
		if !ok {
			c.Foreign = append(c.Foreign, o)
			continue
		}
		if c.Format == nil {
			c.Format = &snapshot.Format{Format: FormatName}
		}
		c.Format.Version = max(c.Format.Version, layout)
		backups = append(backups, backup{ref, o.Size})
	}
	slices.SortFunc(backups, byTime)
	var newest *timeline.History
	var highest int64
	for i, b := range backups {
		if i == 0 || begins(b.Ref, backups[i+1:], highest) {
			c.Timelines = append(c.Timelines, begun(len(c.Timelines)+1, b.Ref, highest))
			newest, highest = &c.Timelines[len(c.Timelines)-1], 0
		}
		b.Epoch = newest.Epoch
		highest = max(highest, b.Last)
		if b.Kind == snapshot.KindFull {
			newest.Fulls = append(newest.Fulls, timeline.Full{Ref: b.Ref, Size: b.size, Finished: true, AtLeast: true})
		} else {
			newest.Deltas = append(newest.Deltas, timeline.Delta{Ref: b.Ref, Size: b.size, Undescribed: true})
		}
	}
	for i := range c.Timelines {
		c.Timelines[i].Sort()
	}
	return c
}

// backup is a full or a delta of a listing.
type backup struct {
	snapshot.Ref
	size int64
}

// byTime is the order in which names were made; within a second, that of the
// revisions, and a delta before the full that ends where it does.
func byTime(a, b backup) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Last, b.Last), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Object, b.Object))
}

// begins reports whether a full begins a history of its own, given what was named
// after it and the highest revision before it: it is lower than that, and the
// next delta that continues one of the two continues the full. Then the cluster
// was set back.
//
// A full that is merely lower was built by a compaction job out of older objects,
// or named by a clock that is behind: deltas go on from the highest.
func begins(full snapshot.Ref, later []backup, highest int64) bool {
	if full.Kind != snapshot.KindFull || full.Last >= highest {
		return false
	}
	for _, d := range later {
		switch {
		case d.Kind != snapshot.KindDelta:
		case d.First == full.Last+1:
			return true
		case d.First == highest+1:
			return false
		}
	}
	return false
}

// begun describes the timeline that an object begins.
func begun(epoch int, first snapshot.Ref, highest int64) timeline.History {
	t := timeline.Timeline{Epoch: epoch, First: first.First, Parent: epoch - 1, BeganAt: first.At,
		Reason: "the oldest backup of " + FormatName + " that is left"}
	if epoch > 1 {
		t.Reason = fmt.Sprintf("the cluster was set back: this full is below revision %d, which was stored before it, and deltas continue it", highest)
	}
	return timeline.History{Timeline: t, Described: true}
}
