package httpapi

import (
	"context"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
)

// GetStatus answers what the sidecar says of itself.
func (s *Server) GetStatus(context.Context, openapi.GetStatusRequestObject) (openapi.GetStatusResponseObject, error) {
	return openapi.GetStatus200JSONResponse(Status(s.sources.Status.View())), nil
}

// Status is a view in the words of the contract.
func Status(v health.View) openapi.Status {
	out := openapi.Status{
		Name: v.Name, Version: v.Version, StartedAt: v.StartedAt.UTC(), Endpoint: v.Endpoint, Store: v.Store,
		Role: openapi.Role(v.Role), Since: v.Since.UTC(), Reason: v.Reason,
		Duties: make([]openapi.Duty, len(v.Duties)),
		Member: openapi.Member{Errors: []string{}},
		Backup: backupOf(v.Backup), Freshness: freshnessOf(v), Heartbeat: heartbeatOf(v.Heartbeat),
		Retention: retentionOf(v.Retention), Proof: proofOf(v.Proof),
	}
	for i, d := range v.Duties {
		out.Duties[i] = openapi.Duty(d)
	}
	if !v.SeenAt.IsZero() {
		out.Member = memberOf(v)
	}
	return out
}

func memberOf(v health.View) openapi.Member {
	m := v.Member
	return openapi.Member{
		SeenAt:    v.SeenAt.UTC(),
		ClusterID: idOf(m.ClusterID), MemberID: idOf(m.MemberID), Leader: idOf(m.Leader), Learner: m.Learner,
		EtcdVersion: m.Version, Revision: m.Revision,
		RaftTerm: m.RaftTerm, RaftIndex: m.RaftIndex, RaftApplied: m.RaftApplied,
		DbSize: m.DBSize, DbInUse: m.DBInUse, DbQuota: m.DBQuota,
		Errors: append([]string{}, m.Errors...),
	}
}

func freshnessOf(v health.View) openapi.Freshness {
	f := v.Fresh
	out := openapi.Freshness{Fresh: f.Fresh, RevisionsBehind: f.Lag, Reason: f.Reason}
	if !v.Backup.CaughtUpAt.IsZero() {
		seconds := f.Behind.Seconds()
		out.SecondsBehind = &seconds
	}
	return out
}

func heartbeatOf(s heartbeat.State) openapi.HeartbeatState {
	if s.Status == "" {
		s.Status = heartbeat.Resting // nothing is known yet
	}
	out := openapi.HeartbeatState{Status: openapi.HeartbeatStatus(s.Status), Detail: s.Detail}
	if !s.RenewedAt.IsZero() {
		out.RenewedAt = s.RenewedAt.UTC()
	}
	return out
}

// proofOf leaves out what is not known.
func proofOf(s proof.Standing) openapi.ProofStanding {
	out := openapi.ProofStanding{Recorded: pointOf(s.Recorded), Verified: pointOf(s.Verified)}
	if d := s.Differ; d != nil {
		out.Disagreement = openapi.Disagreement{Revision: d.Revision, CompactRevision: d.Compact, At: d.At.UTC(), Detail: d.Detail,
			Members: make([]string, len(d.Members))}
		for i, id := range d.Members {
			out.Disagreement.Members[i] = id.String()
		}
	}
	return out
}

func pointOf(p proof.Point) openapi.ProofPoint {
	if p.Epoch == 0 {
		return openapi.ProofPoint{}
	}
	return openapi.ProofPoint{Timeline: p.Epoch, Revision: p.Revision, At: p.At.UTC(), TookSeconds: p.Took.Seconds()}
}

// idOf leaves the id of nobody out.
func idOf(id cluster.ID) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

func backupOf(b health.Backup) openapi.Backup {
	out := openapi.Backup{
		Phase: b.Phase, Timeline: b.Epoch,
		DurableRevision: b.Durable, DurableAt: b.DurableAt.UTC(),
		LiveRevision: b.Live, LagRevisions: b.Lag(), CaughtUpAt: b.CaughtUpAt.UTC(),
		Windows: rangesOf(b.Windows), SpillBytes: b.SpillBytes,
		LastError: b.LastError, LastErrorAt: b.LastErrorAt.UTC(),
	}
	if b.LastFull != nil {
		out.LastFull = fullOf(*b.LastFull)
	}
	if b.LastDelta != nil {
		out.LastDelta = deltaOf(*b.LastDelta)
	}
	return out
}
