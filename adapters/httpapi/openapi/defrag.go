package openapi

import "github.com/revkeeper/revkeeper/domain/defrag"

// DefragmentationOf is a run in the words of the contract.
func DefragmentationOf(r defrag.Run) Defragmentation {
	out := Defragmentation{
		Id: r.ID, Continues: r.Continues, Trigger: r.Trigger, Outcome: DefragmentationOutcome(r.Outcome), Reason: r.Reason,
		BegunAt: r.Began.UTC(), EndedAt: r.Ended.UTC(), FreedBytes: r.Freed(), Alarms: r.Alarms,
		Members: make([]DefragmentedMember, len(r.Results)),
	}
	for i, x := range r.Results {
		out.Members[i] = DefragmentedMember{
			Name: x.Member.Name, MemberID: x.Member.ID.String(), Leads: x.Leads, Stage: DefragmentedMemberStage(x.Stage), Reason: x.Reason,
			DbSize: x.Before.DB, DbInUse: x.Before.InUse, DbQuota: x.Before.Quota, DbSizeAfter: x.After.DB,
			ExpectedStallSeconds: x.Expected.Seconds(), ExpectedBy: x.Basis, BegunAt: x.Began.UTC(), StallSeconds: x.Stall.Seconds(),
		}
	}
	return out
}
