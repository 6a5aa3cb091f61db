package render

import (
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/compact"
)

// CompactionDocument is what compact did, or would do, as a program reads it.
type CompactionDocument struct {
	DryRun  bool             `json:"dryRun"`
	RollUps []RollUpDocument `json:"rollUps,omitempty"`
	Left    []LeftDocument   `json:"left,omitempty"`
	Full    *FullDocument    `json:"full,omitempty"` // absent with --roll-up
}

// FullDocument is a full that was built or could be.
type FullDocument struct {
	Timeline        int     `json:"timeline"`
	Revision        int64   `json:"revision"`
	Base            string  `json:"base"` // key
	Deltas          int     `json:"deltas"`
	Bytes           int64   `json:"bytes"` // of base and deltas
	Due             bool    `json:"due"`
	Reason          string  `json:"reason"`
	EstimateSeconds float64 `json:"estimateSeconds"`  // of a restore as things were
	Object          string  `json:"object,omitempty"` // key; absent if none was built
	Size            int64   `json:"size,omitempty"`   // bytes of the object
}

// PlanFull adds what full could be built, and whether it is due.
func (d *CompactionDocument) PlanFull(p compact.FullPlan) {
	d.Full = &FullDocument{Timeline: p.Path.Epoch, Revision: p.Path.Target, Base: p.Path.Base.Key(), Deltas: len(p.Path.Deltas), Bytes: p.Path.Bytes(),
		Due: p.Verdict.Due, Reason: p.Verdict.Reason, EstimateSeconds: p.Verdict.Estimate.Seconds()}
}

// RollUpDocument is one roll-up.
type RollUpDocument struct {
	Timeline  int         `json:"timeline"`
	Revisions chain.Range `json:"revisions"`
	Deltas    int         `json:"deltas"`
	Bytes     int64       `json:"bytes"` // of the deltas
	Reason    string      `json:"reason"`
	Object    string      `json:"object,omitempty"` // key; absent in a dry run
	Size      int64       `json:"size,omitempty"`   // bytes of the object
}

// LeftDocument is a run of deltas that stay as they are.
type LeftDocument struct {
	Timeline  int         `json:"timeline"`
	Revisions chain.Range `json:"revisions"`
	Deltas    int         `json:"deltas"`
	Reason    string      `json:"reason"`
}

// Plan adds what would be rolled up, and what stays.
func (d *CompactionDocument) Plan(plans []rule.Plan) {
	for _, p := range plans {
		for _, g := range p.Groups {
			d.RollUps = append(d.RollUps, RollUpDocument{Timeline: p.Epoch, Revisions: g.Range(), Deltas: len(g.Deltas), Bytes: g.Bytes, Reason: g.Reason})
		}
		for _, l := range p.Left {
			d.Left = append(d.Left, LeftDocument{Timeline: p.Epoch, Revisions: l.Range, Deltas: l.Deltas, Reason: l.Reason})
		}
	}
}

// Made puts what was really rolled up in the place of what was planned.
func (d *CompactionDocument) Made(made []compact.RolledUp) {
	d.RollUps = nil
	for _, m := range made {
		d.RollUps = append(d.RollUps, RollUpDocument{Timeline: m.Delta.Epoch, Revisions: chain.Range{First: m.Delta.First, Last: m.Delta.Last},
			Deltas: m.Deltas, Bytes: m.Bytes, Reason: m.Reason, Object: m.Delta.Key(), Size: m.Delta.Size})
	}
}

// Compaction writes what was done or would be.
func Compaction(w io.Writer, d CompactionDocument) error {
	p := newPage()
	if d.RollUps != nil || d.Left != nil || d.Full == nil {
		rollUps(p, d)
	}
	if f := d.Full; f != nil {
		full(p, f, d.DryRun)
	}
	return p.writeTo(w)
}

func full(p *page, f *FullDocument, dryRun bool) {
	switch {
	case f.Object != "":
		p.line("built a full of timeline %d at revision %d", f.Timeline, f.Revision)
	case f.Due && dryRun:
		p.line("would build a full of timeline %d at revision %d", f.Timeline, f.Revision)
	default:
		p.line("no full is due for timeline %d, revision %d", f.Timeline, f.Revision)
	}
	p.row("  because", f.Reason)
	p.row("  from", fmt.Sprintf("%s and %s (%s)", f.Base, count(f.Deltas, "delta", "deltas"), size(f.Bytes)))
	if f.Object != "" {
		p.row("  object", fmt.Sprintf("%s (%s)", f.Object, size(f.Size)))
	}
}

func rollUps(p *page, d CompactionDocument) {
	verb := "rolled up"
	if d.DryRun {
		verb = "would roll up"
	}
	deltas := 0
	for _, r := range d.RollUps {
		deltas += r.Deltas
	}
	if deltas == 0 {
		p.line("no delta is to be rolled up")
	} else {
		p.line("%s %s into %s", verb, count(deltas, "delta", "deltas"), count(len(d.RollUps), "delta", "deltas"))
	}
	if len(d.RollUps)+len(d.Left) > 0 {
		p.row("  TIMELINE", "REVISIONS", "DELTAS", "SIZE", "WHAT AND WHY")
	}
	for _, r := range d.RollUps {
		p.row(fmt.Sprintf("  %d", r.Timeline), r.Revisions.String(), fmt.Sprint(r.Deltas), size(r.Bytes), "roll up: "+r.Reason)
	}
	for _, l := range d.Left {
		p.row(fmt.Sprintf("  %d", l.Timeline), l.Revisions.String(), fmt.Sprint(l.Deltas), "", "leave: "+l.Reason)
	}
}
