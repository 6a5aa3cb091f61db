package httpapi

import (
	"context"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
)

// GetMembers answers all members as this sidecar sees them now.
func (s *Server) GetMembers(ctx context.Context, _ openapi.GetMembersRequestObject) (openapi.GetMembersResponseObject, error) {
	if s.sources.Members == nil {
		return nil, notHere("list", "members")
	}
	c, err := s.sources.Members.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.GetMembers200JSONResponse(Cluster(c)), nil
}

// notHere is the error of what this sidecar was not put together with.
func notHere(op, object string) error {
	return fault.New(fault.Unavailable, op, object, "this sidecar cannot do that")
}

// Cluster is all members in the words of the contract.
func Cluster(c health.Cluster) openapi.Cluster {
	out := openapi.Cluster{
		ClusterID: idOf(c.ID), Healthy: c.Healthy,
		Reasons: append([]string{}, c.Reasons...), Ignored: append([]string{}, c.Ignored...),
		Members: make([]openapi.ClusterMember, len(c.Members)),
	}
	for i, m := range c.Members {
		out.Members[i] = clusterMemberOf(m)
	}
	return out
}

func clusterMemberOf(m health.Member) openapi.ClusterMember {
	out := openapi.ClusterMember{
		Name: m.Member.Name, MemberID: m.Member.ID.String(), Learner: m.Member.Learner, Own: m.Own,
		Healthy: m.Healthy, Reason: m.Reason, Error: m.Error,
	}
	if b := m.Beat; b != nil {
		out.Heartbeat = openapi.Heartbeat{
			Name: b.Name, AgeSeconds: b.Age.Seconds(), TtlSeconds: b.TTL.Seconds(), Address: b.Address, Version: b.Version,
		}
	}
	if v := m.Sidecar; v != nil {
		out.Sidecar = SummaryOf(Status(*v))
	}
	return out
}

// SummaryOf shortens a status to what the member list shows of it.
func SummaryOf(s openapi.Status) openapi.SidecarSummary {
	return openapi.SidecarSummary{
		Role: s.Role, Since: s.Since, Reason: s.Reason, Version: s.Version, EtcdVersion: s.Member.EtcdVersion,
		DurableRevision: s.Backup.DurableRevision, LiveRevision: s.Backup.LiveRevision, LagRevisions: s.Backup.LagRevisions,
		Freshness: s.Freshness, Heartbeat: s.Heartbeat, Proof: s.Proof,
	}
}
