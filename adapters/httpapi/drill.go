package httpapi

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
)

// RebuildHistory carries out a drill beside the own member.
func (s *Server) RebuildHistory(ctx context.Context, request openapi.RebuildHistoryRequestObject) (openapi.RebuildHistoryResponseObject, error) {
	if s.sources.Driller == nil {
		return nil, notHere("rebuild", "history")
	}
	p := request.Params
	var ps fault.Problems
	if p.Timeline < 1 {
		ps = append(ps, fault.Problem{Key: "timeline", Value: fmt.Sprint(p.Timeline), Detail: "is no timeline", Remedy: "its number, from 1"})
	}
	if p.Revision < 1 {
		ps = append(ps, fault.Problem{Key: "revision", Value: fmt.Sprint(p.Revision), Detail: "is no revision", Remedy: "a revision that can be restored"})
	}
	if err := ps.OrNil(); err != nil {
		return nil, err
	}
	task := drill.Task{Epoch: p.Timeline, Revision: p.Revision, From: p.From, Known: p.Known}
	out, err := s.sources.Driller.Run(ctx, task)
	if err != nil {
		return nil, err
	}
	return openapi.RebuildHistory200JSONResponse(rebuiltOf(out)), nil
}

// Drill has what is stored rebuilt and compared now.
func (s *Server) Drill(ctx context.Context, _ openapi.DrillRequestObject) (openapi.DrillResponseObject, error) {
	if s.sources.Drills == nil {
		return nil, notHere("drill", "history")
	}
	r, err := s.sources.Drills.Ask(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.Drill200JSONResponse(Drilled(r)), nil
}

// Drilled is what came of a drill in the words of the contract.
func Drilled(r drill.Report) openapi.Drilled {
	return openapi.Drilled{Verdict: openapi.DrillVerdict(r.Verdict()), Detail: r.String(), Where: r.Where, GoodRevision: r.Good, Rebuilt: rebuiltOf(r.Outcome)}
}

func rebuiltOf(out drill.Outcome) openapi.Rebuilt {
	return openapi.Rebuilt{
		Timeline: out.Epoch, Revision: out.Revision, Full: out.Base, Deltas: out.Deltas, Records: out.Records, TookSeconds: out.Took.Seconds(),
		Proof: recordedProofOf(out.Proof), Differs: recordedProofOf(out.Differs), Computed: int64(out.Computed), Around: out.Around}
}

// recordedProofOf is empty for none.
func recordedProofOf(p *proof.Recorded) openapi.RecordedProof {
	if p == nil {
		return openapi.RecordedProof{}
	}
	return openapi.RecordedProof{Revision: p.Revision, CompactRevision: p.Compact, HashKV: int64(p.HashKV),
		ClusterID: p.ClusterID, MemberID: p.MemberID, RecordedAt: p.RecordedAt.UTC()}
}
