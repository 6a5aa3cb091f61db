package chain

import (
	"fmt"
	"strings"

	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Beyond says what the bucket holds after the latest revision of a timeline that can
// be restored, and why it is left out; empty where that revision is the end. Whoever
// asks for the latest must not take what lies before a gap for all there is. epoch
// and latest are what Locate chose.
func Beyond(c *timeline.Catalogue, epoch int, latest int64) string {
	var left []string
	for i := range c.Timelines {
		h := &c.Timelines[i]
		if h.Epoch < epoch {
			continue
		}
		cov, above := Cover(h), int64(0)
		if h.Epoch == epoch {
			above = latest
		}
		if lost := aboveOf(cov.Baseless, above); len(lost) > 0 {
			left = append(left, fmt.Sprintf("revisions %s of timeline %d%s", joinRanges(lost), h.Epoch, missingBefore(cov, lost[0], above)))
		}
		if failed := aboveOf(cov.Suspect, above); len(failed) > 0 {
			left = append(left, fmt.Sprintf("revisions %s of timeline %d, which failed a proof", joinRanges(failed), h.Epoch))
		}
	}
	if len(left) == 0 {
		return ""
	}
	return fmt.Sprintf("revision %d of timeline %d is not the last that is stored: left out are %s", latest, epoch, strings.Join(left, "; "))
}

// missingBefore says why nothing leads to revisions that deltas hold.
func missingBefore(cov Coverage, lost Range, above int64) string {
	if above == 0 || len(cov.Windows) == 0 {
		return ", to which no full leads"
	}
	return fmt.Sprintf(", to which nothing leads: %s cannot be had", Range{above + 1, lost.First - 1})
}
