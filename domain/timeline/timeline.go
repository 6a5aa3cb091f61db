// Package timeline describes runs of history that are proven continuous, and
// the catalogue of a bucket that holds them.
//
// A timeline is numbered by its epoch, from 1. When continuity cannot be proven
// a new one begins, with its reason, and the old one stays as it is.
package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// Timeline is the content of timeline.json.
type Timeline struct {
	Epoch   int       `json:"timeline"`
	Reason  string    `json:"reason"` // why it began, for people
	First   int64     `json:"firstRevision"`
	Parent  int       `json:"parent,omitempty"`       // the epoch before it; 0 for none
	Fork    int64     `json:"forkRevision,omitempty"` // last revision shared with the parent, where known
	BeganAt time.Time `json:"beganAt"`

	snapshot.Writer
}

// Full is a full snapshot in a listing.
type Full struct {
	snapshot.Ref
	Size     int64 // bytes stored
	Finished bool  // its description is stored too
	// AtLeast says that the name promises no more than that revision Last is in it:
	// where its history begins and ends is known once it was read. First is Last
	// then, and At is later than that revision.
	AtLeast bool
}

// Delta is a delta snapshot in a listing.
type Delta struct {
	snapshot.Ref
	Size int64 // bytes stored
	// Undescribed says that no description is stored, so that it takes a reading of
	// the whole delta to make one.
	Undescribed bool
}

// History is one timeline with its objects.
type History struct {
	Timeline
	// Described is false where objects of the epoch exist without timeline.json.
	Described bool
	Fulls     []Full         // by last revision, then instant
	Deltas    []Delta        // by first revision, then the longer first
	Proofs    []snapshot.Ref // by revision
	Pins      []snapshot.Ref // by revision: points that nobody but who pinned them lets go
	Marks     []snapshot.Ref // by name: what people decided about the timeline
	Suspects  []snapshot.Ref // by revision: what is above the lowest failed a proof
	Verified  []snapshot.Ref // by revision: what was rebuilt and is what members hashed
	// Strays are descriptions of fulls that the listing does not have.
	Strays []snapshot.Ref // by revision
}

// Marked reports whether the timeline carries a mark.
func (h *History) Marked(m snapshot.Mark) bool {
	return slices.ContainsFunc(h.Marks, func(r snapshot.Ref) bool { return r.Mark() == m })
}

// Good returns the newest revision up to which the timeline is not suspect; false
// if nothing of it is.
func (h *History) Good() (last int64, suspect bool) {
	if len(h.Suspects) == 0 {
		return 0, false
	}
	return h.Suspects[0].Last, true
}

// Object is one line of a listing.
type Object struct {
	Key  string
	Size int64
}

// Catalogue is all that a listing says of a bucket.
type Catalogue struct {
	Format    *snapshot.Format // nil in a bucket that was never written
	Timelines []History        // by epoch
	Foreign   []Object         // objects that revkeeper did not write; they are left alone
}

// Newest returns the timeline with the highest epoch, nil if there is none.
func (c *Catalogue) Newest() *History {
	if len(c.Timelines) == 0 {
		return nil
	}
	return &c.Timelines[len(c.Timelines)-1]
}

// Find returns the timeline of an epoch, nil if there is none.
func (c *Catalogue) Find(epoch int) *History {
	for i := range c.Timelines {
		if c.Timelines[i].Epoch == epoch {
			return &c.Timelines[i]
		}
	}
	return nil
}

// MaxRevision returns the largest revision that any object names, 0 for none.
// No client of the cluster's history in this bucket was told a larger one,
// except what was never stored.
func (c *Catalogue) MaxRevision() int64 {
	var m int64
	for i := range c.Timelines {
		m = max(m, c.Timelines[i].MaxRevision())
	}
	return m
}

// MaxRevision returns the largest revision that an object of the timeline
// names, 0 for none. Unfinished fulls, proofs and the description's first
// revision count: the cluster had the revision, whether or not it is stored.
func (h *History) MaxRevision() int64 {
	m := h.First
	for _, f := range h.Fulls {
		m = max(m, f.Last)
	}
	for _, d := range h.Deltas {
		m = max(m, d.Last)
	}
	for _, p := range h.Proofs {
		m = max(m, p.Last)
	}
	return m
}

// NewestFull returns the finished full with the highest revision, nil for none.
func (h *History) NewestFull() *Full {
	for i := len(h.Fulls) - 1; i >= 0; i-- {
		if h.Fulls[i].Finished {
			return &h.Fulls[i]
		}
	}
	return nil
}

// NewestDelta returns the delta that reaches furthest, nil for none.
func (h *History) NewestDelta() *Delta {
	var newest *Delta
	for i := range h.Deltas {
		if newest == nil || h.Deltas[i].Last > newest.Last {
			newest = &h.Deltas[i]
		}
	}
	return newest
}

// Catalog sorts a listing into timelines. Descriptions of timelines are not in
// a listing; the caller fills Timeline and Described of each history.
func Catalog(objects []Object) Catalogue {
	var c Catalogue
	byEpoch := map[int]*History{}
	manifests := map[snapshot.Ref]bool{}
	for _, o := range objects {
		ref, err := snapshot.Parse(o.Key)
		if err != nil {
			c.Foreign = append(c.Foreign, o)
			continue
		}
		if ref.Kind == snapshot.KindFormat {
			continue
		}
		h := byEpoch[ref.Epoch]
		if h == nil {
			h = &History{Timeline: Timeline{Epoch: ref.Epoch}}
			byEpoch[ref.Epoch] = h
		}
		switch ref.Kind {
		case snapshot.KindFull:
			h.Fulls = append(h.Fulls, Full{Ref: ref, Size: o.Size})
		case snapshot.KindManifest:
			manifests[ref] = true
		case snapshot.KindDelta:
			h.Deltas = append(h.Deltas, Delta{Ref: ref, Size: o.Size})
		case snapshot.KindProof:
			h.Proofs = append(h.Proofs, ref)
		case snapshot.KindPin:
			h.Pins = append(h.Pins, ref)
		case snapshot.KindMark:
			h.Marks = append(h.Marks, ref)
		case snapshot.KindSuspect:
			h.Suspects = append(h.Suspects, ref)
		case snapshot.KindVerified:
			h.Verified = append(h.Verified, ref)
		case snapshot.KindTimeline:
			h.Described = true
		}
	}
	for _, h := range byEpoch {
		for i := range h.Fulls {
			m := h.Fulls[i].Manifest()
			h.Fulls[i].Finished = manifests[m]
			delete(manifests, m)
		}
	}
	for m := range manifests {
		byEpoch[m.Epoch].Strays = append(byEpoch[m.Epoch].Strays, m)
	}
	for _, h := range byEpoch {
		h.Sort()
		c.Timelines = append(c.Timelines, *h)
	}
	slices.SortFunc(c.Timelines, func(a, b History) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return c
}

// Sort puts the objects into the order that their fields promise.
func (h *History) Sort() {
	slices.SortFunc(h.Fulls, func(a, b Full) int {
		return cmp.Or(cmp.Compare(a.Last, b.Last), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	slices.SortFunc(h.Deltas, func(a, b Delta) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	byRevision := func(a, b snapshot.Ref) int { return cmp.Or(cmp.Compare(a.Last, b.Last), a.At.Compare(b.At)) }
	slices.SortFunc(h.Proofs, byRevision)
	slices.SortFunc(h.Pins, byRevision)
	slices.SortFunc(h.Suspects, byRevision)
	slices.SortFunc(h.Verified, byRevision)
	slices.SortFunc(h.Strays, func(a, b snapshot.Ref) int { return cmp.Or(byRevision(a, b), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(h.Marks, func(a, b snapshot.Ref) int { return cmp.Compare(a.ID, b.ID) })
}
