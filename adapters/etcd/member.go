package etcd

import (
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// Member asks the member at the own endpoint, over a connection that nothing
// else uses.
type Member struct {
	link *link
}

var _ ports.Member = (*Member)(nil)

// Status is what the member says of itself. See ports.Member.
func (m *Member) Status(ctx context.Context) (cluster.Status, error) {
	s, err := memberStatus(ctx, m.link)
	return s, failure("ask status of", m.link.endpoint, err)
}

func memberStatus(ctx context.Context, l *link) (cluster.Status, error) {
	var answer *pb.StatusResponse
	err := l.call(ctx, func(ctx context.Context) (err error) {
		answer, err = pb.NewMaintenanceClient(l.conn).Status(ctx, &pb.StatusRequest{})
		return err
	})
	if err != nil {
		return cluster.Status{}, err
	}
	return cluster.Status{
		ClusterID:   cluster.ID(answer.GetHeader().GetClusterId()),
		MemberID:    cluster.ID(answer.GetHeader().GetMemberId()),
		Leader:      cluster.ID(answer.Leader),
		Learner:     answer.IsLearner,
		Version:     answer.Version,
		Revision:    answer.GetHeader().GetRevision(),
		RaftTerm:    answer.RaftTerm,
		RaftIndex:   answer.RaftIndex,
		RaftApplied: answer.RaftAppliedIndex,
		DBSize:      answer.DbSize,
		DBInUse:     answer.DbSizeInUse,
		DBQuota:     answer.DbSizeQuota,
		Errors:      answer.Errors,
	}, nil
}

// mustBe refuses an answer of another member than the one asked, which a load
// balancer or a reused address may give.
func mustBe(op string, want cluster.ID, got uint64) error {
	if uint64(want) == got {
		return nil
	}
	return fault.New(fault.Unavailable, op, want.String(), fmt.Sprintf("member %s answered at its address", cluster.ID(got))).
		WithRemedy("the endpoint and every advertised client URL must lead to one member, not through a load balancer")
}
