package render

import (
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/bootstrap/logging"
)

// Drilled writes what a drill showed.
func Drilled(w io.Writer, d openapi.Drilled) error {
	p := newPage()
	r := d.Rebuilt
	p.line("%s: revision %d of timeline %d was rebuilt beside %s in %s", d.Verdict, r.Revision, r.Timeline, oneLine(d.Where), seconds(r.TookSeconds))
	p.row("  from", fmt.Sprintf("%s and %s with %s", oneLine(r.Full), count(r.Deltas, "delta", "deltas"), count(int(r.Records), "record", "records")))
	for _, object := range r.Around {
		p.row("  without", oneLine(object))
	}
	if known := !r.Proof.RecordedAt.IsZero(); known {
		p.row("  agrees", fmt.Sprintf("up to revision %d, with what member %s hashed: %d", r.Proof.Revision, oneLine(r.Proof.MemberID), r.Proof.HashKV))
	}
	switch d.Verdict {
	case openapi.DrillVerdictUnproven:
		p.row("  agrees", "with nothing: no hash of a live member is stored to compare it with; a compaction of etcd gives one")
	case openapi.DrillVerdictSuspect:
		p.row("  differs", fmt.Sprintf("at revision %d, where member %s hashed %d: it hashes to %d", r.Differs.Revision, oneLine(r.Differs.MemberID), r.Differs.HashKV, r.Computed))
		good := "nothing of it is good"
		if d.GoodRevision > 0 {
			good = fmt.Sprintf("it is good up to revision %d", d.GoodRevision)
		}
		p.row("  marked", fmt.Sprintf("timeline %d as suspect: %s; a new timeline begins", r.Timeline, good))
	}
	return p.writeTo(w)
}

// Waiting says on a terminal what is waited for; elsewhere it says nothing.
func Waiting(w io.Writer, text string) {
	if logging.Terminal(w) {
		_, _ = fmt.Fprintln(w, text)
	}
}
