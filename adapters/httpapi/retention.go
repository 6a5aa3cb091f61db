package httpapi

import (
	"context"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/retention"
)

// maxMissed bounds how many objects are named that could not be deleted.
const maxMissed = 100

// RunRetention tidies the store now.
func (s *Server) RunRetention(ctx context.Context, request openapi.RunRetentionRequestObject) (openapi.RunRetentionResponseObject, error) {
	if s.sources.Retention == nil {
		return nil, notHere("tidy", "store")
	}
	report, err := s.sources.Retention.Tidy(ctx, request.Params.DryRun)
	if err != nil {
		return nil, err
	}
	return openapi.RunRetention200JSONResponse(RetentionRun(report, false)), nil
}

// RetentionRun is a report in the words of the contract. all says whether each
// decision is in it.
func RetentionRun(r retention.Report, all bool) openapi.RetentionRun {
	groups := retention.Groups(r.Plan.Decisions)
	out := openapi.RetentionRun{
		Summary: summaryOfRun(r.Summary),
		Groups:  make([]openapi.RetentionGroup, len(groups)),
		Missed:  make([]openapi.RetentionMissed, min(len(r.Missed), maxMissed)),
	}
	for i, g := range groups {
		out.Groups[i] = openapi.RetentionGroup{Timeline: g.Epoch, Kind: string(g.Kind), Delete: g.Delete, Reason: g.Reason,
			Objects: g.Objects, Bytes: g.Bytes, FirstRevision: g.First, LastRevision: g.Last}
	}
	for i := range out.Missed {
		m := r.Missed[i]
		out.Missed[i] = openapi.RetentionMissed{Key: m.Ref.Key(), Error: m.Err.Error(), Kind: openapi.FaultKind(fault.KindOf(m.Err))}
	}
	if !all {
		return out
	}
	out.Decisions = make([]openapi.RetentionDecision, len(r.Plan.Decisions))
	for i, d := range r.Plan.Decisions {
		out.Decisions[i] = openapi.RetentionDecision{Key: d.Ref.Key(), Size: d.Size, Delete: d.Delete, Reason: d.Reason}
	}
	return out
}

func summaryOfRun(s retention.Summary) openapi.RetentionSummary {
	return openapi.RetentionSummary{
		At: s.At.UTC(), TookSeconds: s.Took.Seconds(), DryRun: s.DryRun, Stopped: s.Stopped, Error: s.Error,
		Kept: s.Kept, KeptBytes: s.KeptBytes, Deleted: s.Deleted, DeletedBytes: s.DeletedBytes,
		Locked: s.Locked, Failed: s.Failed, Spared: s.Spared, Left: s.Left, Swept: s.Swept,
		ReadBack: s.ReadBack, ReadBackBytes: s.ReadBackBytes, Damaged: s.Damaged,
	}
}

// retentionOf is empty where nothing is known of it.
func retentionOf(s retention.State) openapi.Retention {
	if s.Rule == "" {
		return openapi.Retention{}
	}
	out := openapi.Retention{Rule: s.Rule, Running: s.Running}
	if !s.Next.IsZero() {
		out.Next = s.Next.UTC()
	}
	if s.Last != nil {
		out.Last = summaryOfRun(*s.Last)
	}
	return out
}
