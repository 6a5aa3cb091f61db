package render

import (
	"fmt"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// Defragmentations writes runs, or the plan of one, as tables. explain adds how
// long each stall is expected to be, and by what.
func Defragmentations(w io.Writer, runs []openapi.Defragmentation, explain bool) error {
	p := newPage()
	for i, r := range runs {
		if i > 0 {
			p.line("")
		}
		defragmentation(p, r, explain)
	}
	return p.writeTo(w)
}

func defragmentation(p *page, r openapi.Defragmentation, explain bool) {
	planned := r.Id == ""
	if !planned {
		p.line("run %s: %s", r.Id, oneLine(r.Trigger))
	}
	if len(r.Members) > 0 {
		p.row("NAME", "MEMBER", "SIZE", "IN USE", "STALL", "WHAT", "WHY")
	}
	for _, m := range r.Members {
		name := oneLine(m.Name)
		if m.Leads {
			name += " (leads)"
		}
		p.row(name, m.MemberID, sizes(m), size(m.DbInUse), stall(m), what(m, planned), oneLine(m.Reason))
	}
	if explain {
		p.line("")
		for _, m := range r.Members {
			p.line("%s: a stall of %s is expected, %s; %s free of %s%s", oneLine(m.Name), seconds(m.ExpectedStallSeconds), oneLine(m.ExpectedBy),
				size(m.DbSize-m.DbInUse), size(m.DbSize), quota(m))
		}
	}
	for _, a := range r.Alarms {
		p.line("%s", oneLine(a))
	}
	p.line("")
	switch r.Outcome {
	case openapi.DefragmentationOutcomePlanned:
		p.line("a run would do this now, in this order")
	case openapi.DefragmentationOutcomeRefused:
		p.line("refused: %s", oneLine(r.Reason))
	default:
		p.line("%s, %s given back: %s", r.Outcome, size(r.FreedBytes), oneLine(r.Reason))
	}
}

func quota(m openapi.DefragmentedMember) string {
	if m.DbQuota == 0 {
		return ", its version does not say the quota"
	}
	return fmt.Sprintf(", %.0f %% of the quota of %s", float64(m.DbSize)/float64(m.DbQuota)*100, size(m.DbQuota))
}

func sizes(m openapi.DefragmentedMember) string {
	if m.DbSizeAfter > 0 {
		return size(m.DbSize) + " → " + size(m.DbSizeAfter)
	}
	return size(m.DbSize)
}

// stall is how long a member answered nothing, or "~" before how long it is
// expected to.
func stall(m openapi.DefragmentedMember) string {
	if m.StallSeconds > 0 {
		return seconds(m.StallSeconds)
	}
	return "~" + seconds(m.ExpectedStallSeconds)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
}

func what(m openapi.DefragmentedMember, planned bool) string {
	if planned && m.Stage == openapi.DefragmentedMemberStageWaits {
		return "defragment"
	}
	return string(m.Stage)
}

// DefragmentedMember is what became of a member in one line; empty if there is
// nothing to say yet.
func DefragmentedMember(m openapi.DefragmentedMember) string {
	name := oneLine(m.Name)
	switch m.Stage {
	case openapi.DefragmentedMemberStageBusy:
		return fmt.Sprintf("%s: defragments; it answers nothing for about %s", name, seconds(m.ExpectedStallSeconds))
	case openapi.DefragmentedMemberStageDefragmented:
		return fmt.Sprintf("%s: %s, it answered nothing for %s", name, sizes(m), seconds(m.StallSeconds))
	case openapi.DefragmentedMemberStageFailed:
		return fmt.Sprintf("%s: failed: %s", name, oneLine(m.Reason))
	case openapi.DefragmentedMemberStageLeadMoved:
		return fmt.Sprintf("%s: the lead went away from it: %s", name, oneLine(m.Reason))
	default:
		return ""
	}
}
