package httpapi

import (
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// maxForeign bounds how many foreign objects are listed; a bucket may hold any
// number of them.
const maxForeign = 100

// Catalogue is a listing of the store in the words of the contract. deltas says
// whether each delta is listed or only a summary.
func Catalogue(c timeline.Catalogue, deltas bool) openapi.Catalogue {
	out := openapi.Catalogue{
		Timelines:    make([]openapi.Timeline, len(c.Timelines)),
		ForeignCount: len(c.Foreign),
		Foreign:      make([]openapi.ForeignObject, min(len(c.Foreign), maxForeign)),
	}
	if c.Format != nil {
		out.Format, out.FormatVersion = c.Format.Format, c.Format.Version
	}
	for i := range c.Timelines {
		out.Timelines[i] = timelineOf(&c.Timelines[i], deltas)
	}
	for i := range out.Foreign {
		out.Foreign[i] = openapi.ForeignObject{Key: c.Foreign[i].Key, Size: c.Foreign[i].Size}
	}
	return out
}

func timelineOf(h *timeline.History, deltas bool) openapi.Timeline {
	cover := chain.Cover(h)
	out := openapi.Timeline{
		Timeline: h.Epoch,
		Windows:  rangesOf(cover.Windows), Gaps: rangesOf(cover.Gaps),
		Baseless: rangesOf(cover.Baseless), Disputed: rangesOf(cover.Disputed),
		Fulls:        make([]openapi.Full, len(h.Fulls)),
		DeltaSummary: summaryOf(h.Deltas),
		Proofs:       make([]openapi.Proof, len(h.Proofs)),
	}
	if len(cover.Perhaps) > 0 {
		out.Perhaps = rangesOf(cover.Perhaps)
	}
	if h.Described {
		out.ClusterID, out.Reason, out.BeganAt = h.ClusterID, h.Reason, h.BeganAt.UTC()
		out.FirstRevision, out.Parent, out.ForkRevision = h.First, h.Parent, h.Fork
	}
	for i, f := range h.Fulls {
		out.Fulls[i] = listedFull(f)
	}
	if deltas {
		out.Deltas = make([]openapi.Delta, len(h.Deltas))
		for i, d := range h.Deltas {
			out.Deltas[i] = listedDelta(d)
		}
	}
	for i, p := range h.Proofs {
		out.Proofs[i] = proofListed(p)
	}
	for _, p := range h.Verified {
		out.Verified = append(out.Verified, proofListed(p))
	}
	if len(cover.Suspect) > 0 {
		out.Suspect = rangesOf(cover.Suspect)
	}
	return out
}

func proofListed(p snapshot.Ref) openapi.Proof {
	return openapi.Proof{Key: p.Key(), Revision: p.Last, RecordedAt: p.At.UTC()}
}

func summaryOf(deltas []timeline.Delta) openapi.DeltaSummary {
	out := openapi.DeltaSummary{Count: len(deltas)}
	var newest *timeline.Delta
	for i := range deltas {
		out.Bytes += deltas[i].Size
		if newest == nil || deltas[i].Last > newest.Last {
			newest = &deltas[i]
		}
	}
	if newest != nil {
		out.Newest = listedDelta(*newest)
	}
	return out
}

// latestOf finds what a restore of the newest revision would use; ok is false
// where no timeline has a finished full. A newer timeline without one is named.
func latestOf(c timeline.Catalogue) (out openapi.Latest, ok bool) {
	for i := len(c.Timelines) - 1; i >= 0; i-- {
		h := &c.Timelines[i]
		full := h.NewestFull()
		if full == nil {
			continue
		}
		out.Timeline, out.Full, out.Deltas = h.Epoch, listedFull(*full), []openapi.Delta{}
		if newest := c.Newest().Epoch; newest != h.Epoch {
			out.PendingTimeline = newest
		}
		for _, w := range chain.Cover(h).Windows {
			if w.Contains(full.Last) {
				out.Window = openapi.Range{First: w.First, Last: w.Last}
			}
		}
		for _, d := range h.Deltas {
			if d.Last > full.Last {
				out.Deltas = append(out.Deltas, listedDelta(d))
			}
		}
		return out, true
	}
	return out, false
}

func listedFull(f timeline.Full) openapi.Full {
	out := fullOf(f.Ref)
	out.Size, out.Finished, out.AtLeast = f.Size, &f.Finished, f.AtLeast
	return out
}

func listedDelta(d timeline.Delta) openapi.Delta {
	out := deltaOf(d.Ref)
	out.Size = d.Size
	return out
}

func fullOf(r snapshot.Ref) openapi.Full {
	return openapi.Full{
		Key: r.Key(), Timeline: r.Epoch, CompactRevision: r.First, LastRevision: r.Last,
		TakenAt: r.At.UTC(), Compression: openapi.FullCompression(r.Compression),
	}
}

func deltaOf(r snapshot.Ref) openapi.Delta {
	return openapi.Delta{
		Key: r.Key(), Timeline: r.Epoch, FirstRevision: r.First, LastRevision: r.Last,
		TakenAt: r.At.UTC(), Digest: r.ID,
	}
}

func rangesOf(ranges []chain.Range) []openapi.Range {
	out := make([]openapi.Range, len(ranges))
	for i, r := range ranges {
		out[i] = openapi.Range{First: r.First, Last: r.Last}
	}
	return out
}
