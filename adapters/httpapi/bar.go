package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/health"
)

const (
	barWidth = 1000.0
	// barLeast is the least width of a stretch: one lost revision among a
	// million must be seen.
	barLeast = 6.0
	// barWindows is how many windows are drawn and named, the newest.
	barWindows = 12
)

// bar is the picture of what can be restored, over revisions from left to right.
type bar struct {
	First, Last int64 // revisions at its ends
	Stretches   []stretch
	Windows     []chain.Range // drawn, ascending
	Hidden      int           // windows that are older than those drawn
	Full        *mark         // where the newest full ends
	Label       string        // the picture in words
}

// stretch is a run of revisions on the bar; X and W are of barWidth.
type stretch struct {
	Class string // "kept", "lost", "pending"
	Title string
	X, W  float64
}

type mark struct {
	X     float64
	Title string
}

// barOf draws the windows, the gaps between them, and what is not stored yet.
func barOf(b health.Backup) bar {
	n := len(b.Windows)
	if n == 0 {
		return bar{Label: "No revision can be restored yet."}
	}
	windows := b.Windows[max(0, n-barWindows):]
	out := bar{First: windows[0].First, Hidden: n - len(windows)}
	out.Last = max(windows[len(windows)-1].Last, b.Live)
	words := make([]string, 0, len(windows))
	for i, w := range windows {
		words = append(words, w.String())
		out.add("kept", "can be restored", w)
		if i > 0 {
			out.add("lost", "lost", chain.Range{First: windows[i-1].Last + 1, Last: w.First - 1})
		}
	}
	if newest := windows[len(windows)-1].Last; b.Live > newest {
		out.add("pending", "not in the store yet", chain.Range{First: newest + 1, Last: b.Live})
	}
	// What is narrow is drawn last, over its wide neighbours.
	slices.SortStableFunc(out.Stretches, func(a, b stretch) int { return strings.Compare(a.Class, b.Class) })
	if f := b.LastFull; f != nil && f.Last >= out.First && f.Last <= out.Last {
		out.Full = &mark{X: out.at(f.Last), Title: fmt.Sprintf("newest full, up to %s", count(f.Last))}
	}
	out.Windows = slices.Clone(windows)
	out.Label = "Revisions that can be restored: " + strings.Join(words, ", ") + "."
	return out
}

func (b *bar) add(class, what string, r chain.Range) {
	if r.First > r.Last {
		return
	}
	x, end := b.at(r.First), b.at(r.Last)
	width := max(end-x, barLeast)
	b.Stretches = append(b.Stretches, stretch{
		Class: class, X: min(x, barWidth-width), W: width,
		Title: fmt.Sprintf("%s: revisions %s to %s", what, count(r.First), count(r.Last)),
	})
}

// at returns where a revision is on the bar.
func (b *bar) at(rev int64) float64 {
	if b.Last <= b.First {
		return 0
	}
	return barWidth * float64(rev-b.First) / float64(b.Last-b.First)
}
