package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// writePatience is how long a member may take to carry out a transaction or a
// grant: etcd itself gives up on a proposal after about seven seconds.
const writePatience = 10 * time.Second

// Keyspace reads and writes single keys.
type Keyspace struct {
	pool *pool
}

var _ ports.Keyspace = (*Keyspace)(nil)

// Look returns what keys were. See ports.Keyspace.
func (k *Keyspace) Look(ctx context.Context, keys [][]byte, revision int64) ([]extract.Live, error) {
	request := &pb.TxnRequest{}
	for _, key := range keys {
		request.Success = append(request.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{
			RequestRange: &pb.RangeRequest{Key: key, Revision: revision}}})
	}
	var answer *pb.TxnResponse
	err := k.pool.askVoter(ctx, "look at keys through etcd member", func(ctx context.Context, l *link, _ cluster.Member) error {
		return l.call(requireLeader(ctx), func(ctx context.Context) (err error) {
			answer, err = pb.NewKVClient(l.conn).Txn(ctx, request)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	live := make([]extract.Live, len(keys))
	for i, r := range answer.GetResponses() {
		if kvs := r.GetResponseRange().GetKvs(); len(kvs) > 0 {
			live[i] = extract.Live{Mod: kvs[0].GetModRevision(), Value: kvs[0].GetValue()}
		}
	}
	return live, nil
}

// Put carries out guarded writes. See ports.Keyspace.
func (k *Keyspace) Put(ctx context.Context, puts []extract.Put) (done []bool, revision int64, err error) {
	request := &pb.TxnRequest{}
	for _, p := range puts {
		request.Success = append(request.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: guarded(p)}})
	}
	var answer *pb.TxnResponse
	const op = "write keys through etcd member"
	err = k.first(ctx, op, func(ctx context.Context, l *link) (err error) {
		answer, err = pb.NewKVClient(l.conn).Txn(ctx, request)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	done = make([]bool, len(puts))
	for i, r := range answer.GetResponses() {
		done[i] = r.GetResponseTxn().GetSucceeded()
	}
	return done, answer.GetHeader().GetRevision(), nil
}

// guarded is one write with what must hold for it. A transaction may nest others,
// whose comparisons are made one by one: so one key that changed does not keep the
// others from being written.
func guarded(p extract.Put) *pb.TxnRequest {
	t := &pb.TxnRequest{Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{
		RequestPut: &pb.PutRequest{Key: p.Key, Value: p.Value, Lease: p.Lease}}}}}
	if !p.Force {
		t.Compare = []*pb.Compare{{Key: p.Key, Target: pb.Compare_MOD, Result: pb.Compare_EQUAL,
			TargetUnion: &pb.Compare_ModRevision{ModRevision: p.Mod}}}
	}
	return t
}

// Grant makes a lease. See ports.Keyspace.
func (k *Keyspace) Grant(ctx context.Context, id, ttl int64) error {
	err := k.first(ctx, "grant a lease through etcd member", func(ctx context.Context, l *link) error {
		_, err := pb.NewLeaseClient(l.conn).LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: id, TTL: ttl})
		if errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseExist) {
			return nil
		}
		return err
	})
	return err
}

// first has the first voter that can be reached do what must not be done twice:
// nobody is asked after one that may have done it.
func (k *Keyspace) first(ctx context.Context, op string, do func(context.Context, *link) error) error {
	voters, err := k.pool.voters(ctx)
	if err != nil {
		return err
	}
	for _, m := range voters {
		l, err := k.pool.linkTo(m)
		if err != nil {
			continue // it has not started yet
		}
		err = k.once(ctx, l, do)
		var unreached *refusal
		if errors.As(err, &unreached) && ctx.Err() == nil {
			k.pool.failed(m.ID)
			continue
		}
		return writeFailure(op, m.ID, err)
	}
	return fault.New(fault.Unavailable, op, "", "no voting member of the cluster can be reached").WithRemedy(remedyReach)
}

func (k *Keyspace) once(ctx context.Context, l *link, do func(context.Context, *link) error) error {
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	return l.once(requireLeader(ctx), func(ctx context.Context) error { return do(ctx, l) })
}

// writeFailure says what to do about what etcd does not take.
func writeFailure(op string, m cluster.ID, err error) error {
	said := rpctypes.Error(err)
	e := &fault.Error{Kind: fault.Invalid, Op: op, Object: m.String(), Err: err}
	switch {
	case errors.Is(said, rpctypes.ErrRequestTooLarge), tooLargeToRead(err):
		e.Err = fmt.Errorf("%w: %w", extract.ErrTooLarge, err)
		return e
	case errors.Is(said, rpctypes.ErrTooManyOps):
		return e.WithRemedy("start etcd with its default of --max-txn-ops, 128, or more")
	case errors.Is(said, rpctypes.ErrPermissionDenied):
		e.Kind = fault.Unauthorized
		return e.WithRemedy("give a user that may write these keys")
	case errors.Is(said, rpctypes.ErrNoSpace):
		e.Kind = fault.Unavailable
		return e.WithRemedy("etcd is out of space: compact and defragment it, and disarm its alarm")
	}
	return failure(op, m.String(), err)
}

// tooLargeToRead reports whether a member refused a request before it read it: its
// gRPC takes 512 KiB more than etcd does. That answer has no code of its own, and
// others of that code leave open whether the request was carried out.
func tooLargeToRead(err error) bool {
	s, ok := status.FromError(err)
	return ok && s.Code() == codes.ResourceExhausted && strings.Contains(s.Message(), "larger than max")
}
