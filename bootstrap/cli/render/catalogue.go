package render

import (
	"cmp"
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// maxForeign bounds how many foreign objects are named; a bucket may hold any
// number of them.
const maxForeign = 10

// Catalogue writes what is in the store at location and what can be restored.
// deltas says whether each delta is listed or only a summary.
func Catalogue(w io.Writer, c timeline.Catalogue, location string, deltas bool) error {
	p := newPage()
	switch {
	case c.Format == nil && len(c.Timelines) == 0:
		p.line("%s: no backup yet", location)
	default:
		p.line("%s: %s%s", location, count(len(c.Timelines), "timeline", "timelines"), format(c))
	}
	for i := range c.Timelines {
		p.line("")
		history(p, &c.Timelines[i], deltas)
	}
	foreign(p, c.Foreign)
	return p.writeTo(w)
}

// format names a format that is not revkeeper's.
func format(c timeline.Catalogue) string {
	if c.Format == nil || c.Format.Format == snapshot.FormatName {
		return ""
	}
	return fmt.Sprintf(" of %s, layout %d, which is only read", c.Format.Format, c.Format.Version)
}

func history(p *page, h *timeline.History, deltas bool) {
	p.line("TIMELINE %d", h.Epoch)
	cover := chain.Cover(h)
	if h.Described {
		p.row("  cluster", cmp.Or(h.ClusterID, "not recorded"))
		p.row("  began", fmt.Sprintf("%s at revision %d: %s", instant(h.BeganAt), h.First, oneLine(h.Reason)))
		if h.Parent != 0 {
			p.row("  follows", parent(h))
		}
	} else {
		p.row("  began", "unknown: its description is missing")
	}
	if len(cover.Windows) > 0 {
		p.row("  restorable", ranges(cover.Windows))
	} else {
		p.row("  restorable", "nothing yet: there is no finished full")
	}
	for _, r := range []struct {
		name   string
		ranges []chain.Range
		means  string
	}{
		{"perhaps", cover.Perhaps, "if a full above still holds them, which is known once it is read"},
		{"gaps", cover.Gaps, "cannot be restored"},
		{"baseless", cover.Baseless, "in deltas, but no full leads up to them"},
		{"disputed", cover.Disputed, "two deltas hold different content"},
		{"suspect", cover.Suspect, "failed a proof, so not restored without --allow-suspect"},
	} {
		if len(r.ranges) > 0 {
			p.row("  "+r.name, ranges(r.ranges)+" ("+r.means+")")
		}
	}
	if n := len(h.Proofs); n > 0 {
		p.row("  proofs", fmt.Sprintf("%d, newest at revision %d", n, h.Proofs[n-1].Last))
	}
	if n := len(h.Verified); n > 0 {
		p.row("  verified", fmt.Sprintf("rebuilt and compared up to revision %d at %s", h.Verified[n-1].Last, instant(h.Verified[n-1].At)))
	}
	for _, pin := range h.Pins {
		p.row("  pinned", fmt.Sprintf("%d since %s", pin.Last, instant(pin.At)))
	}
	for _, mark := range h.Marks {
		p.row("  marked", string(mark.Mark()))
	}
	objects(p, h, deltas)
}

func parent(h *timeline.History) string {
	if h.Fork == 0 {
		return fmt.Sprintf("timeline %d", h.Parent)
	}
	return fmt.Sprintf("timeline %d, from which it forked at revision %d", h.Parent, h.Fork)
}

func objects(p *page, h *timeline.History, deltas bool) {
	if len(h.Fulls)+len(h.Deltas) == 0 {
		return
	}
	p.line("")
	p.row("  KIND", "REVISIONS", "TAKEN", "SIZE", "OBJECT")
	for _, f := range h.Fulls {
		key := f.Key()
		if !f.Finished {
			key += " (unfinished, not used)"
		}
		revisions := chain.Range{First: max(f.First, 1), Last: f.Last}.String()
		if f.AtLeast {
			revisions += " or more"
		}
		p.row("  full", revisions, instant(f.At), size(f.Size), key)
	}
	if deltas {
		for _, d := range h.Deltas {
			p.row("  delta", chain.Range{First: d.First, Last: d.Last}.String(), instant(d.At), size(d.Size), d.Key())
		}
		return
	}
	summary(p, h)
}

func summary(p *page, h *timeline.History) {
	newest := h.NewestDelta()
	if newest == nil {
		return
	}
	var bytes int64
	for _, d := range h.Deltas {
		bytes += d.Size
	}
	all := chain.Range{First: h.Deltas[0].First, Last: newest.Last}
	p.row("  "+count(len(h.Deltas), "delta", "deltas"), all.String(), instant(newest.At), size(bytes), "newest "+newest.Key())
}

func foreign(p *page, objects []timeline.Object) {
	if len(objects) == 0 {
		return
	}
	p.line("")
	p.line("%s that revkeeper did not write; left alone", count(len(objects), "object", "objects"))
	for i, o := range objects {
		if i == maxForeign {
			p.line("  … and %d more", len(objects)-maxForeign)
			break
		}
		p.line("  %s (%s)", oneLine(o.Key), size(o.Size))
	}
}
