package render

import (
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// maxMissed bounds how many objects are named that could not be deleted.
const maxMissed = 10

// Line writes one line.
func Line(w io.Writer, format string, args ...any) error {
	_, err := io.WriteString(w, visible(fmt.Sprintf(format, args...))+"\n")
	return err
}

// Tidying writes what a run of retention did, or would do, and why. all says
// whether each object is listed or only a summary.
func Tidying(w io.Writer, r retention.Report, all bool) error {
	p := newPage()
	would, read := "", fmt.Sprintf("read back (%s), since they take the place of what goes", size(r.ReadBackBytes))
	if r.DryRun {
		would, read = "would be ", "would be read back first, since they take the place of what goes"
	}
	if r.Stopped != "" {
		p.line("nothing is deleted: %s", oneLine(r.Stopped))
	} else {
		p.line("%s (%s) %sdeleted, %s (%s) kept", count(r.Deleted, "object", "objects"), size(r.DeletedBytes), would,
			count(r.Kept, "object", "objects"), size(r.KeptBytes))
	}
	for _, n := range []struct {
		n    int
		text string
	}{
		{r.Left, "left for the next run"},
		{r.ReadBack, read},
		{r.Damaged, "damaged: they stay, and so does what they were to replace"},
		{r.Locked, "kept by a lock of the store"},
		{r.Failed, "could not be deleted"},
		{r.Spared, "stayed because of these"},
		{r.Swept, "remains of aborted uploads removed"},
	} {
		if n.n > 0 {
			p.row("  "+fmt.Sprint(n.n), n.text)
		}
	}
	missed(p, r.Missed)
	p.line("")
	if all {
		decisions(p, r.Plan.Decisions)
	} else {
		groups(p, r.Plan.Decisions)
	}
	return p.writeTo(w)
}

func missed(p *page, ms []retention.Missed) {
	for i, m := range ms {
		if i == maxMissed {
			p.line("  … and %d more", len(ms)-maxMissed)
			return
		}
		p.line("  %s", oneLine(m.Err.Error()))
	}
}

// groups lists what goes first, then what stays.
func groups(p *page, ds []retention.Decision) {
	if len(ds) == 0 {
		return
	}
	p.row("", "TIMELINE", "KIND", "OBJECTS", "REVISIONS", "SIZE", "BECAUSE")
	all := retention.Groups(ds)
	for _, deleted := range []bool{true, false} {
		for _, g := range all {
			if g.Delete != deleted {
				continue
			}
			revisions := chain.Range{First: g.First, Last: g.Last}.String()
			if g.Kind == snapshot.KindMark || g.Kind == snapshot.KindTimeline {
				revisions = "-"
			}
			p.row(verb(g.Delete), fmt.Sprint(g.Epoch), string(g.Kind), fmt.Sprint(g.Objects), revisions, bytesOf(g.Bytes), oneLine(g.Reason))
		}
	}
}

func decisions(p *page, ds []retention.Decision) {
	p.row("", "OBJECT", "SIZE", "BECAUSE")
	for _, d := range ds {
		p.row(verb(d.Delete), d.Ref.Key(), bytesOf(d.Size), oneLine(d.Reason))
	}
}

func verb(deleted bool) string {
	if deleted {
		return "delete"
	}
	return "keep"
}
