package render

import (
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/application/export"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// ExportDocument is a finished export as a program reads it.
type ExportDocument struct {
	Timeline        int            `json:"timeline"`
	Revision        int64          `json:"revision"`
	Chosen          string         `json:"chosen,omitempty"` // how the revision was found, where it was not named
	Written         string         `json:"written"`          // a path, or a key
	Size            int64          `json:"size"`             // bytes of the plain snapshot
	StoredSize      int64          `json:"storedSize"`       // bytes as they were written
	Full            string         `json:"full"`             // key of the full that it was made of
	Deltas          int            `json:"deltas"`
	Proof           *ProofDocument `json:"proof"` // null: nothing to compare with
	Repacked        *Repacked      `json:"repacked,omitempty"`
	LeasesDefaulted int            `json:"leasesDefaulted"`
	TookSeconds     float64        `json:"tookSeconds"`
	Warnings        []string       `json:"warnings"`
}

// ExportOf returns the document of an export.
func ExportOf(r export.Result, req restore.Request) ExportDocument {
	p := r.Plan
	return ExportDocument{
		Timeline: p.Epoch, Revision: p.Target, Chosen: req.Chosen, Written: r.Written.Place, Size: r.Size, StoredSize: r.Written.Size,
		Full: p.Base.Key(), Deltas: len(p.Deltas), Proof: proofDocument(r.Proof, r.Computed), Repacked: repackedOf(r.Repacked, r.State),
		LeasesDefaulted: r.LeasesDefaulted, TookSeconds: r.Took.Seconds(), Warnings: append([]string{}, r.Warnings...),
	}
}

// Export writes what was exported and how far it is proven.
func Export(w io.Writer, r export.Result, req restore.Request) error {
	p := newPage()
	p.line("exported revision %d of timeline %d as %s in %s", r.Plan.Target, r.Plan.Epoch, r.Written.Place, took(r.Took))
	chosen(p, req)
	p.row("  from", fmt.Sprintf("a full of revision %d and %s (%s in all)", r.Plan.Base.Last, count(len(r.Plan.Deltas), "delta", "deltas"), size(r.Plan.Bytes())))
	p.row("  size", fmt.Sprintf("%s, %s as written", size(r.Size), size(r.Written.Size)))
	p.row("  proof", proofOf(r.Proof, r.Computed, r.Plan.Target, req.SkipProof))
	if r.Repacked != nil {
		p.row("  repacked", repacked(r.Repacked, r.State))
	}
	for _, x := range r.Plan.Excluded {
		p.row("  without", x.Key+": "+oneLine(fault.Found(x.Err, x.Key)))
	}
	for _, warning := range r.Warnings {
		p.row("  warning", oneLine(warning))
	}
	return p.writeTo(w)
}
