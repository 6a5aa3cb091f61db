package etcd

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// Cluster asks the cluster through whichever voter answers.
type Cluster struct {
	pool *pool
}

var _ ports.Cluster = (*Cluster)(nil)

// Head returns where the live history is. See ports.Cluster.
func (c *Cluster) Head(ctx context.Context) (chain.Head, error) {
	const op = "read the head through etcd member"
	var head chain.Head
	err := c.pool.askVoter(ctx, op, func(ctx context.Context, l *link, m cluster.Member) error {
		// One key that hardly anybody has, and only its count: the header is what
		// is wanted. A sorted range would cost etcd its whole keyspace.
		header, err := rangeHeader(requireLeader(ctx), l, &pb.RangeRequest{Key: firstKey, CountOnly: true})
		if err != nil {
			return err
		}
		if err := mustBe(op, m.ID, header.GetMemberId()); err != nil {
			return err
		}
		// After the read, so that the raft index covers the revision.
		s, err := memberStatus(ctx, l)
		if err != nil {
			return err
		}
		compact, err := compactRevision(ctx, l, m.ID)
		head = chain.Head{
			ClusterID: cluster.ID(header.GetClusterId()).String(),
			Revision:  header.GetRevision(),
			Raft:      snapshot.Raft{Term: s.RaftTerm, Index: s.RaftIndex},
			Compact:   compact,
		}
		return errors.Join(err, mustBe(op, m.ID, uint64(s.MemberID)))
	})
	if err != nil {
		return chain.Head{}, err
	}
	return head, nil
}

// firstKey is the smallest key there can be.
var firstKey = []byte{0}

func rangeHeader(ctx context.Context, l *link, request *pb.RangeRequest) (*pb.ResponseHeader, error) {
	var answer *pb.RangeResponse
	err := l.call(ctx, func(ctx context.Context) (err error) {
		answer, err = pb.NewKVClient(l.conn).Range(ctx, request)
		return err
	})
	return answer.GetHeader(), err
}

// Members returns the member list, linearizable.
func (c *Cluster) Members(ctx context.Context) ([]cluster.Member, error) {
	return c.pool.list(ctx, true)
}

// MemberStatus asks one member, and makes sure that it was that one.
func (c *Cluster) MemberStatus(ctx context.Context, m cluster.Member) (cluster.Status, error) {
	const op = "ask status of etcd member"
	l, err := c.pool.linkTo(m)
	if err != nil {
		return cluster.Status{}, err
	}
	s, err := memberStatus(ctx, l)
	if err == nil {
		err = mustBe(op, m.ID, uint64(s.MemberID))
	}
	if err != nil {
		return cluster.Status{}, failure(op, m.ID.String(), err)
	}
	return s, nil
}

// Auth returns whether authentication is on and its revision.
func (c *Cluster) Auth(ctx context.Context) (snapshot.Auth, error) {
	var auth snapshot.Auth
	err := c.pool.askVoter(ctx, "ask auth status through etcd member", func(ctx context.Context, l *link, _ cluster.Member) error {
		return l.call(requireLeader(ctx), func(ctx context.Context) error {
			answer, err := pb.NewAuthClient(l.conn).AuthStatus(ctx, &pb.AuthStatusRequest{})
			auth = snapshot.Auth{Enabled: answer.GetEnabled(), Revision: answer.GetAuthRevision()}
			return err
		})
	})
	return auth, err
}

// LeaseTTL returns what the cluster knows of a lease.
func (c *Cluster) LeaseTTL(ctx context.Context, id int64) (snapshot.Lease, error) {
	var answer *pb.LeaseTimeToLiveResponse
	err := c.pool.askVoter(ctx, "look up a lease through etcd member", func(ctx context.Context, l *link, _ cluster.Member) error {
		err := l.call(requireLeader(ctx), func(ctx context.Context) (err error) {
			answer, err = pb.NewLeaseClient(l.conn).LeaseTimeToLive(ctx, &pb.LeaseTimeToLiveRequest{ID: id})
			return err
		})
		if errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseNotFound) {
			answer, err = nil, nil
		}
		return err
	})
	switch {
	case err != nil:
		return snapshot.Lease{}, err
	case answer == nil || answer.TTL < 0:
		return snapshot.Lease{ID: id, State: snapshot.LeaseGone}, nil
	}
	return snapshot.Lease{ID: id, State: snapshot.LeaseGranted, TTL: answer.GrantedTTL}, nil
}
