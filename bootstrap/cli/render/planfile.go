package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/revkeeper/revkeeper/domain/restore"
)

// PlanFile writes what a plan says, and what to do with it. source is the flag by
// which the store was named, and is named again.
func PlanFile(w io.Writer, path, source string, f restore.PlanFile) error {
	p := newPage()
	p.line("wrote %s: revision %d of timeline %d for %s", path, f.Revision, f.Timeline, count(len(f.Members), "member", "members"))
	if f.Chosen != "" {
		p.row("  chosen", oneLine(f.Chosen))
	}
	p.row("  because", f.Reason)
	if f.Suspect {
		p.row("  suspect", "the revision failed a proof: it is not what the cluster had. Where it fails it again, give --skip-proof to every `restore apply`")
	}
	var bytes int64
	for _, o := range f.Objects {
		bytes += o.Size
	}
	p.row("  from", fmt.Sprintf("%s and %s (%s)", f.Objects[0].Key, count(len(f.Objects)-1, "delta", "deltas"), size(bytes)))
	if f.BumpRevision == 0 {
		p.row("  revisions", "kept as they were")
	} else {
		p.row("  revisions", fmt.Sprintf("%d → %d, the same for every member", f.Revision, f.BumpRevision))
	}
	if f.Folded {
		p.row("  past", "left out")
	}
	p.row("  token", f.Token)
	for _, text := range f.Uncertain {
		p.row("  uncertain", oneLine(text))
	}
	p.line("")
	p.line("copy it to every member's machine and there run")
	for _, m := range f.Members {
		p.row("  revkeeper restore apply "+path+" --name "+m.Name+" "+source+" … --data-dir …", "# "+strings.Join(m.PeerURLs, ","))
	}
	return p.writeTo(w)
}

// Suspicion warns of a plan whose revision is suspect, before it is carried out.
func Suspicion(w io.Writer, f restore.PlanFile) {
	if f.Suspect {
		_, _ = fmt.Fprintf(w, "warning: revision %d of timeline %d is suspect: it failed a proof, and is not what the cluster had; the plan says to restore it all the same\n", f.Revision, f.Timeline)
	}
}
