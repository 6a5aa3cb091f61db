package retention

import (
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// strayReason is why a description goes that describes nothing.
const strayReason = "the full that it describes is not there"

// decide turns what is kept of a timeline into decisions, in the order in which
// deletions are carried out: proofs before what they prove, deltas from the
// newest down so that what is left of a run still begins at its base, of a full
// its description first so that half of it is no full, and a timeline's own
// description when nothing else is left.
func decide(h *timeline.History, kept keeping, folded map[snapshot.Ref]string, rest *timeline.History, notes map[snapshot.Ref]string, stopped string) []Decision {
	out := make([]Decision, 0, len(h.Deltas)+2*len(h.Fulls)+len(h.Proofs)+1)
	left := false
	add := func(ref snapshot.Ref, size int64, keep, gone string) {
		d := Decision{Ref: ref, Size: size, Delete: keep == "", Reason: keep}
		if d.Delete {
			d.Reason = gone
		}
		if d.Delete && stopped != "" {
			d.Delete, d.Reason = false, stopped
		}
		left = left || !d.Delete
		out = append(out, d)
	}
	cover := chain.Cover(rest)
	for _, p := range slices.Concat(h.Proofs, h.Verified) {
		keep := kept[p]
		if keep == "" && cover.Contains(p.Last) {
			keep = "what it proves stays"
		}
		add(p, 0, keep, "what it proves goes")
	}
	for _, d := range slices.Backward(h.Deltas) {
		gone := folded[d.Ref]
		if gone == "" {
			gone = "no point that is kept needs it"
		}
		add(d.Ref, d.Size, kept[d.Ref], gone)
	}
	for _, m := range slices.Backward(h.Strays) {
		add(m, 0, kept[m], strayReason)
	}
	for _, f := range slices.Backward(h.Fulls) {
		if f.Finished {
			add(f.Manifest(), 0, kept[f.Ref], "no rule keeps its full")
		}
	}
	for _, f := range slices.Backward(h.Fulls) {
		gone := "no rule keeps it"
		if !f.Finished {
			gone = "it was never finished"
		}
		add(f.Ref, f.Size, kept[f.Ref], gone)
	}
	about := slices.Concat(h.Pins, h.Marks, h.Suspects)
	if h.Described {
		about = append(about, snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: h.Epoch})
	}
	filled := left
	for _, r := range about {
		keep := ""
		if filled {
			keep = own[r.Kind]
			if note := notes[r]; note != "" {
				keep += ": " + note
			}
		}
		add(r, 0, keep, "the timeline is empty")
	}
	return out
}

// own says why a timeline that is not empty keeps what is written about it: pins
// and marks are people's, and a suspicion is not to be forgotten. All of them go
// only with everything else.
var own = map[snapshot.Kind]string{
	snapshot.KindPin:      "it is a pin, which only `revkeeper unpin` takes back",
	snapshot.KindMark:     "it is what a person decided about the timeline",
	snapshot.KindSuspect:  "it says what of the timeline failed a proof",
	snapshot.KindTimeline: "it describes the timeline, which is not empty",
}

// remaining is the timeline as it is kept.
func remaining(h *timeline.History, kept keeping) timeline.History {
	rest := *h
	rest.Fulls = slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return kept[f.Ref] == "" })
	rest.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return kept[d.Ref] == "" })
	return rest
}
