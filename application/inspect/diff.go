package inspect

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Two says which points to compare.
type Two struct {
	A, B      Point
	Epoch     int // timeline of both; 0 for the newest that has each
	Prefix    []byte
	Keep      int  // list at most so many keys, the first; 0 for all
	SkipProof bool // where points are rebuilt
	Suspect   bool // also what failed a proof
}

// Comparison is how two points differ, and how that was found out.
type Comparison struct {
	rule.Diff
	A, B View
	// ByRecords says that every change in between was read. Else both points were
	// rebuilt, and when a key was deleted is not known.
	ByRecords bool
}

// Diff compares two points. Where the objects of one timeline hold every change in
// between, it reads these; else it rebuilds both points, side by side, which takes
// as much disk as both databases.
func (i *Inspector) Diff(ctx context.Context, t Two) (Comparison, error) {
	var out Comparison
	c, err := i.rebuild.Catalogue(ctx)
	if err != nil {
		return out, err
	}
	var h *timeline.History
	for _, end := range []struct {
		point Point
		view  *View
	}{{t.A, &out.A}, {t.B, &out.B}} {
		at, chosen, err := i.resolve(ctx, Where{Epoch: t.Epoch, Point: end.point, Suspect: t.Suspect})
		if err != nil {
			return out, err
		}
		var revision int64
		if h, revision, err = locate(&c, at); err != nil {
			return out, err
		}
		*end.view = View{Epoch: h.Epoch, Revision: revision, Chosen: chosen, Suspect: chain.Cover(h).Doubts(revision)}
		if end.view.Suspect {
			end.view.Warnings = []string{suspect}
		}
	}
	changes, one, err := rule.Changes(out.A.Epoch, out.A.Revision, out.B.Epoch, out.B.Revision)
	if err != nil {
		return out, err
	}
	if one {
		if err := i.byRecords(ctx, h, changes, t, &out); err != nil || out.ByRecords {
			return out, err
		}
	}
	return out, i.byStates(ctx, t, &out)
}

// byRecords reads every change in between, if the timeline's objects have it.
func (i *Inspector) byRecords(ctx context.Context, h *timeline.History, changes chain.Range, t Two, out *Comparison) error {
	var interval *rule.Interval
	broken, err := i.read(ctx, h, changes, func(plan chain.Reading) visit {
		interval = rule.NewInterval(t.Prefix, t.Keep)
		if out.ByRecords = plan.Whole(); !out.ByRecords {
			return nil
		}
		return interval.Add
	})
	if err != nil {
		return err
	}
	out.B.Warnings = append(out.B.Warnings, goneAround(broken)...)
	if out.ByRecords {
		out.Diff = interval.Diff()
	}
	return nil
}

func goneAround(broken []restore.Broken) []string {
	var out []string
	for _, b := range broken {
		out = append(out, fmt.Sprintf("%s was gone around: %s", b.Key, fault.Found(b.Err, b.Key)))
	}
	return out
}

// byStates rebuilds both points.
func (i *Inspector) byStates(ctx context.Context, t Two, out *Comparison) error {
	at := func(v View) Where {
		return Where{Epoch: v.Epoch, Point: Point{Revision: v.Revision}, SkipProof: t.SkipProof, Suspect: t.Suspect}
	}
	return i.At(ctx, at(out.A), func(a Rebuilt) error {
		return i.At(ctx, at(out.B), func(b Rebuilt) (err error) {
			a.Chosen, b.Chosen = out.A.Chosen, out.B.Chosen
			out.A, out.B = a.View, b.View
			out.Diff, err = rule.Compare(a, b, t.Prefix, t.Keep)
			return err
		})
	})
}
