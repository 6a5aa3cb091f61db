package etcd

import (
	"context"
	"errors"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
)

// entry is a key as it was read. One that is not there has no value, lease or
// revision.
type entry struct {
	key      string
	value    []byte
	lease    int64
	revision int64 // of its last change
}

func entryOf(kv *mvccpb.KeyValue) entry {
	return entry{key: string(kv.Key), value: kv.Value, lease: kv.Lease, revision: kv.ModRevision}
}

// read returns the key of a name, linearizably.
func (h *Heartbeats) read(ctx context.Context, name string) (entry, error) {
	answer, err := h.get(ctx, opRenew, &pb.RangeRequest{Key: []byte(h.dir + name)})
	if err != nil || len(answer.Kvs) == 0 {
		return entry{key: h.dir + name}, err
	}
	return entryOf(answer.Kvs[0]), nil
}

// readAll returns the keys of all names, linearizably and in their order.
func (h *Heartbeats) readAll(ctx context.Context) ([]entry, error) {
	// '0' is what follows the slash that the keys' common beginning ends in.
	end := strings.TrimSuffix(h.dir, "/") + "0"
	answer, err := h.get(ctx, opList, &pb.RangeRequest{Key: []byte(h.dir), RangeEnd: []byte(end), Limit: maxListed})
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(answer.Kvs))
	for _, kv := range answer.Kvs {
		entries = append(entries, entryOf(kv))
	}
	return entries, nil
}

func (h *Heartbeats) get(ctx context.Context, op string, request *pb.RangeRequest) (answer *pb.RangeResponse, err error) {
	err = h.voters.Ask(ctx, op, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		answer, err = pb.NewKVClient(conn).Range(ctx, request)
		return err
	})
	return answer, err
}

// keepAlive renews a lease and returns the TTL, in seconds, that it has again; 0
// if it does not exist. The leader does this in memory: it is no proposal.
func (h *Heartbeats) keepAlive(ctx context.Context, lease int64) (ttl int64, err error) {
	err = h.voters.Ask(ctx, opRenew, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		answer, err := exchange(ctx, conn, &pb.LeaseKeepAliveRequest{ID: lease})
		if status.Code(err) == codes.Unknown {
			// A leader that may not be one any more says so without a code.
			return fault.Wrap(fault.Unavailable, opRenew, h.dir, err)
		}
		ttl = answer.GetTTL()
		return err
	})
	return ttl, err
}

// exchange opens a stream for one request and one answer.
func exchange(ctx context.Context, conn grpc.ClientConnInterface, request *pb.LeaseKeepAliveRequest) (*pb.LeaseKeepAliveResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := pb.NewLeaseClient(conn).LeaseKeepAlive(ctx)
	if err != nil {
		return nil, err
	}
	// A request that cannot be sent is explained by what Recv returns.
	if err := stream.Send(request); err == nil {
		_ = stream.CloseSend() // always nil
	}
	return stream.Recv()
}

// timeToLive returns the seconds that a lease has left and was granted; granted
// is 0 if it does not exist, and left is below 0 once it has expired and is
// about to be revoked.
func (h *Heartbeats) timeToLive(ctx context.Context, op string, lease int64) (left, granted int64, err error) {
	err = h.voters.Ask(ctx, op, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		answer, err := pb.NewLeaseClient(conn).LeaseTimeToLive(ctx, &pb.LeaseTimeToLiveRequest{ID: lease})
		left, granted = answer.GetTTL(), answer.GetGrantedTTL()
		return err
	})
	return left, granted, err
}

// grant makes a lease for a key and remembers the TTL that it got.
func (h *Heartbeats) grant(ctx context.Context, key string) (lease int64, err error) {
	err = h.change(ctx, key, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		answer, err := pb.NewLeaseClient(conn).LeaseGrant(ctx, &pb.LeaseGrantRequest{TTL: h.seconds})
		if err == nil {
			lease = answer.ID
			h.granted.Store(answer.TTL)
		}
		return err
	})
	return lease, err
}

// write puts value under the key of what was found, unless that has changed
// since: then it returns false. rpctypes.ErrLeaseNotFound is in the error's chain
// if the lease is gone.
func (h *Heartbeats) write(ctx context.Context, found entry, value []byte, lease int64) (written bool, err error) {
	key := []byte(found.key)
	request := &pb.TxnRequest{
		// A key that is not there has the revision 0.
		Compare: []*pb.Compare{{
			Target: pb.Compare_MOD, Result: pb.Compare_EQUAL, Key: key,
			TargetUnion: &pb.Compare_ModRevision{ModRevision: found.revision},
		}},
		Success: []*pb.RequestOp{{Request: &pb.RequestOp_RequestPut{
			RequestPut: &pb.PutRequest{Key: key, Value: value, Lease: lease},
		}}},
	}
	err = h.change(ctx, found.key, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		answer, err := pb.NewKVClient(conn).Txn(ctx, request)
		written = answer.GetSucceeded()
		return err
	})
	return written, err
}

// change asks for what takes space. While etcd's NOSPACE alarm is raised all
// members refuse that alike, which is a suspension.
func (h *Heartbeats) change(ctx context.Context, key string, ask func(context.Context, grpc.ClientConnInterface) error) error {
	full := false
	err := h.voters.Ask(ctx, opRenew, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		err := rpctypes.Error(ask(ctx, conn))
		if full = errors.Is(err, rpctypes.ErrNoSpace); full {
			return nil
		}
		return err
	})
	if err == nil && full {
		return &fault.Error{
			Kind: fault.Unavailable, Op: opRenew, Object: key, Err: &heartbeat.Suspension{Why: heartbeat.NoSpace},
			Remedy: "make room in etcd: compact, defragment or raise its quota, then disarm the alarm",
		}
	}
	return err
}

// revoke gives a lease back that nothing needs; it would lapse by itself.
func (h *Heartbeats) revoke(ctx context.Context, lease int64) {
	if ctx.Err() != nil {
		return
	}
	_ = h.voters.Ask(ctx, opRenew, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := pb.NewLeaseClient(conn).LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: lease})
		return err
	})
}
