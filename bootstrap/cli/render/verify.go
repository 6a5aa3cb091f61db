package render

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/verify"
)

// VerificationDocument is what a check found, as a program reads it.
type VerificationDocument struct {
	Level    string               `json:"level"`
	Sound    bool                 `json:"sound"` // there are no findings
	Proven   string               `json:"proven"`
	Windows  []WindowsDocument    `json:"timelines"`
	Objects  int                  `json:"objects"` // that were read
	Bytes    int64                `json:"bytes"`   // of them
	Restored *VerifiedDocument    `json:"restored,omitempty"`
	History  []StretchDocument    `json:"history,omitempty"`
	Findings []VerifyLineDocument `json:"findings"`
	Notes    []VerifyLineDocument `json:"notes"`
}

// WindowsDocument is what the listing of a timeline lets one restore.
type WindowsDocument struct {
	Timeline int           `json:"timeline"`
	Windows  []chain.Range `json:"windows"`
}

// VerifiedDocument is a history that was rebuilt.
type VerifiedDocument struct {
	Timeline int            `json:"timeline"`
	Revision int64          `json:"revision"`
	Records  int64          `json:"records"` // of deltas
	Seconds  float64        `json:"seconds"`
	Proof    *ProvenByProof `json:"proof,omitempty"` // absent: compared with nothing
}

// StretchDocument is what was rebuilt from one full to the next.
type StretchDocument struct {
	Timeline      int            `json:"timeline"`
	FirstRevision int64          `json:"firstRevision"` // of the full
	LastRevision  int64          `json:"lastRevision"`
	Proof         *ProvenByProof `json:"proof,omitempty"` // absent: compared with nothing
}

// ProvenByProof is what a live member answered.
type ProvenByProof struct {
	Revision int64  `json:"revision"`
	HashKV   uint32 `json:"hashKV"`
	MemberID string `json:"memberID"`
}

// VerifyLineDocument is a finding or a note; a note has no kind.
type VerifyLineDocument struct {
	Kind     string `json:"kind,omitempty"`
	Timeline int    `json:"timeline,omitempty"` // absent: of the bucket
	Object   string `json:"object,omitempty"`
	Detail   string `json:"detail"`
}

// VerificationOf is a report as a program reads it.
func VerificationOf(r verify.Report) VerificationDocument {
	d := VerificationDocument{Level: string(r.Level), Sound: len(r.Findings) == 0, Proven: r.Proven(), Objects: r.Objects, Bytes: r.Bytes,
		Findings: []VerifyLineDocument{}, Notes: []VerifyLineDocument{}}
	for _, epoch := range slices.Sorted(maps.Keys(r.Windows)) {
		d.Windows = append(d.Windows, WindowsDocument{epoch, r.Windows[epoch]})
	}
	for _, f := range r.Findings {
		d.Findings = append(d.Findings, VerifyLineDocument{string(f.Kind), f.Timeline, f.Object, f.Detail})
	}
	for _, n := range r.Notes {
		d.Notes = append(d.Notes, VerifyLineDocument{Timeline: n.Timeline, Detail: n.Detail})
	}
	if x := r.Restored; x != nil {
		d.Restored = &VerifiedDocument{Timeline: x.Timeline, Revision: x.Revision, Records: x.Records, Seconds: x.Took.Seconds(), Proof: provenBy(x.Proof)}
	}
	for _, s := range r.History {
		d.History = append(d.History, StretchDocument{s.Timeline, s.First, s.Last, provenBy(s.Proof)})
	}
	return d
}

// provenBy is nil for none.
func provenBy(p *proof.Recorded) *ProvenByProof {
	if p == nil {
		return nil
	}
	return &ProvenByProof{p.Revision, p.HashKV, p.MemberID}
}

// Verification writes what a check found and proved.
func Verification(w io.Writer, r verify.Report) error {
	p := newPage()
	for _, epoch := range slices.Sorted(maps.Keys(r.Windows)) {
		p.row(fmt.Sprintf("timeline %d", epoch), "restorable: "+ranges(r.Windows[epoch]))
	}
	if r.Level.Includes(verify.Objects) {
		p.row("read", fmt.Sprintf("%s, %s", count(r.Objects, "object", "objects"), size(r.Bytes)))
	}
	if x := r.Restored; x != nil {
		p.row("restored", fmt.Sprintf("revision %d of timeline %d, with %d records of deltas, in %s", x.Revision, x.Timeline, x.Records, x.Took.Round(time.Millisecond)))
	}
	for _, s := range r.History {
		p.row("rebuilt", ofTimeline(s.Timeline, s.String()))
	}
	for _, f := range r.Findings {
		p.row("FINDING", ofTimeline(f.Timeline, f.Detail))
	}
	for _, n := range r.Notes {
		p.row("note", ofTimeline(n.Timeline, n.Detail))
	}
	p.row("proven", r.Proven())
	return p.writeTo(w)
}

// ofTimeline names the timeline that something is about; 0 is the bucket.
func ofTimeline(epoch int, text string) string {
	if epoch == 0 {
		return text
	}
	return fmt.Sprintf("timeline %d: %s", epoch, text)
}
