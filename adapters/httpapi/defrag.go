package httpapi

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// longestRun bounds the id of a run, in bytes, as api.yaml has it.
const longestRun = 100

// ListDefragmentations answers what was defragmented and when it is due.
func (s *Server) ListDefragmentations(context.Context, openapi.ListDefragmentationsRequestObject) (openapi.ListDefragmentationsResponseObject, error) {
	if s.sources.Defrag == nil {
		return nil, notHere("list", "defragmentations")
	}
	return openapi.ListDefragmentations200JSONResponse(Defragmentations(s.sources.Defrag.Overview())), nil
}

// Defragment begins a run, or plans one.
func (s *Server) Defragment(ctx context.Context, request openapi.DefragmentRequestObject) (openapi.DefragmentResponseObject, error) {
	if s.sources.Defrag == nil {
		return nil, notHere("defragment", "members")
	}
	scope := defrag.Scope{All: request.Params.All}
	if text := request.Params.Member; text != "" {
		var ps fault.Problems
		if scope.Only = memberID(text, &ps); len(ps) > 0 {
			return nil, ps
		}
	}
	if request.Params.DryRun {
		run, err := s.sources.Defrag.Plan(ctx, scope)
		if err != nil {
			return nil, err
		}
		return openapi.Defragment200JSONResponse(Defragmentation(run)), nil
	}
	run, err := s.sources.Defrag.Start(ctx, scope)
	if err != nil {
		return nil, err
	}
	return openapi.Defragment202JSONResponse(Defragmentation(run)), nil
}

// TakeOverDefragmentation keeps what another sidecar left.
func (s *Server) TakeOverDefragmentation(_ context.Context, request openapi.TakeOverDefragmentationRequestObject) (openapi.TakeOverDefragmentationResponseObject, error) {
	if s.sources.Defrag == nil {
		return nil, notHere("take over", "defragmentation")
	}
	var ps fault.Problems
	p := request.Params
	id := memberID(p.Member, &ps)
	run := oneLine(p.Run)
	if run == "" || len(run) > longestRun {
		ps = append(ps, fault.Problem{Key: "run", Detail: "is not the id of a run", Remedy: fmt.Sprintf("1 to %d characters", longestRun)})
	}
	reason := reasonOf(p.Reason, &ps)
	if err := ps.OrNil(); err != nil {
		return nil, err
	}
	s.sources.Defrag.TakeOver(defrag.Handover{Run: run, Member: id, Reason: reason})
	return openapi.TakeOverDefragmentation204Response{}, nil
}

// Defragmentations is what was done and is due in the words of the contract.
func Defragmentations(o defrag.Overview) openapi.Defragmentations {
	out := openapi.Defragmentations{Runs: make([]openapi.Defragmentation, len(o.Runs)), Next: o.Next.UTC(), Window: o.Window}
	for i, r := range o.Runs {
		out.Runs[i] = Defragmentation(r)
	}
	return out
}

// Defragmentation is a run in the words of the contract.
func Defragmentation(r defrag.Run) openapi.Defragmentation {
	out := openapi.Defragmentation{
		Id: r.ID, Continues: r.Continues, Trigger: r.Trigger, Outcome: openapi.DefragmentationOutcome(r.Outcome), Reason: r.Reason,
		BegunAt: r.Began.UTC(), EndedAt: r.Ended.UTC(), FreedBytes: r.Freed(), Alarms: r.Alarms,
		Members: make([]openapi.DefragmentedMember, len(r.Results)),
	}
	for i, x := range r.Results {
		out.Members[i] = openapi.DefragmentedMember{
			Name: x.Member.Name, MemberID: x.Member.ID.String(), Leads: x.Leads, Stage: openapi.DefragmentedMemberStage(x.Stage), Reason: x.Reason,
			DbSize: x.Before.DB, DbInUse: x.Before.InUse, DbQuota: x.Before.Quota, DbSizeAfter: x.After.DB,
			ExpectedStallSeconds: x.Expected.Seconds(), ExpectedBy: x.Basis, BegunAt: x.Began.UTC(), StallSeconds: x.Stall.Seconds(),
		}
	}
	return out
}
