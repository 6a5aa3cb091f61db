package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/cluster"
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
		return openapi.Defragment200JSONResponse(openapi.DefragmentationOf(run)), nil
	}
	run, err := s.sources.Defrag.Start(ctx, scope)
	if err != nil {
		return nil, err
	}
	return openapi.Defragment202JSONResponse(openapi.DefragmentationOf(run)), nil
}

// TakeOverDefragmentation keeps what another sidecar left.
func (s *Server) TakeOverDefragmentation(_ context.Context, request openapi.TakeOverDefragmentationRequestObject) (openapi.TakeOverDefragmentationResponseObject, error) {
	if s.sources.Defrag == nil {
		return nil, notHere("take over", "defragmentation")
	}
	var ps fault.Problems
	p := request.Params
	id := memberID(p.Member, &ps)
	reason := reasonOf(p.Reason, &ps)
	run := runOf(request.Body, &ps)
	if err := ps.OrNil(); err != nil {
		return nil, err
	}
	s.sources.Defrag.TakeOver(defrag.Handover{Run: run, Member: id, Reason: reason})
	return openapi.TakeOverDefragmentation204Response{}, nil
}

// runOf reads a run that another sidecar carried out; it adds to ps what is wrong
// with it. What it gave back follows from its members.
func runOf(r *openapi.Defragmentation, ps *fault.Problems) defrag.Run {
	bad := func(key, value, detail, remedy string) {
		*ps = append(*ps, fault.Problem{Key: key, Value: oneLine(value), Detail: detail, Remedy: remedy})
	}
	id := oneLine(r.Id)
	if id == "" || len(id) > longestRun {
		bad("id", "", "is not the id of a run", fmt.Sprintf("1 to %d characters", longestRun))
	}
	if r.Outcome != openapi.DefragmentationOutcomeHandedOver {
		bad("outcome", string(r.Outcome), "is not that of a run that is handed over", string(openapi.DefragmentationOutcomeHandedOver))
	}
	out := defrag.Run{ID: id, Continues: oneLine(r.Continues), Trigger: oneLine(r.Trigger), Outcome: defrag.HandedOver, Reason: oneLine(r.Reason),
		Began: r.BegunAt, Ended: r.EndedAt, Alarms: r.Alarms}
	for _, m := range r.Members {
		if !m.Stage.Valid() {
			bad("stage", string(m.Stage), "is not how far a member is", "one of those in api.yaml")
		}
		out.Results = append(out.Results, defrag.Result{
			Member: cluster.Member{ID: memberID(m.MemberID, ps), Name: oneLine(m.Name)}, Leads: m.Leads, Stage: defrag.Stage(m.Stage), Reason: oneLine(m.Reason),
			Expected: seconds(m.ExpectedStallSeconds), Basis: oneLine(m.ExpectedBy), Began: m.BegunAt, Stall: seconds(m.StallSeconds),
			Before: defrag.Size{DB: m.DbSize, InUse: m.DbInUse, Quota: m.DbQuota}, After: defrag.Size{DB: m.DbSizeAfter},
		})
	}
	return out
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// Defragmentations is what was done and is due in the words of the contract.
func Defragmentations(o defrag.Overview) openapi.Defragmentations {
	out := openapi.Defragmentations{Runs: make([]openapi.Defragmentation, len(o.Runs)), Next: o.Next.UTC(), Window: o.Window}
	for i, r := range o.Runs {
		out.Runs[i] = openapi.DefragmentationOf(r)
	}
	return out
}
