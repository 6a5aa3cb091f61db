package etcd

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// Promote gives a learner a vote. See ports.Cluster.
func (c *Cluster) Promote(ctx context.Context, learner cluster.ID) error {
	const op = "promote etcd learner"
	var refused error
	err := c.pool.askVoter(ctx, op, func(ctx context.Context, l *link, _ cluster.Member) error {
		err := l.call(requireLeader(ctx), func(ctx context.Context) error {
			_, err := pb.NewClusterClient(l.conn).MemberPromote(ctx, &pb.MemberPromoteRequest{ID: uint64(learner)})
			return err
		})
		// Any other member would forward to the same leader.
		if refused = refusedPromotion(op, learner, err); refused != nil {
			return nil
		}
		return err
	})
	return errors.Join(err, refused)
}

func refusedPromotion(op string, learner cluster.ID, err error) error {
	said := rpctypes.Error(err)
	e := &fault.Error{Op: op, Object: learner.String(), Err: err}
	switch {
	case errors.Is(said, rpctypes.Error(rpctypes.ErrGRPCLearnerNotReady)):
		e.Kind = fault.Unavailable
	case errors.Is(said, rpctypes.Error(rpctypes.ErrGRPCMemberNotLearner)):
		e.Kind = fault.Conflict
	case errors.Is(said, rpctypes.Error(rpctypes.ErrGRPCMemberNotFound)):
		e.Kind = fault.NotFound
	default:
		return nil
	}
	return e
}
