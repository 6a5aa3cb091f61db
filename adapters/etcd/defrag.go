package etcd

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// Defragmenter asks members for what takes them out of service.
type Defragmenter struct {
	pool *pool
}

var _ ports.Defragmenter = (*Defragmenter)(nil)

// Defragment has a member write its database anew. See ports.Defragmenter.
func (d *Defragmenter) Defragment(ctx context.Context, m cluster.Member) error {
	const op = "defragment etcd member"
	l, err := d.the(ctx, op, m)
	if err != nil {
		return err
	}
	return failure(op, m.ID.String(), l.once(ctx, func(ctx context.Context) error {
		_, err := pb.NewMaintenanceClient(l.conn).Defragment(ctx, &pb.DefragmentRequest{})
		return err
	}))
}

// MoveLeader has the leader give the lead to another. See ports.Defragmenter.
func (d *Defragmenter) MoveLeader(ctx context.Context, leader cluster.Member, to cluster.ID) error {
	const op = "move the lead from etcd member"
	l, err := d.the(ctx, op, leader)
	if err != nil {
		return err
	}
	err = l.once(ctx, func(ctx context.Context) error {
		_, err := pb.NewMaintenanceClient(l.conn).MoveLeader(ctx, &pb.MoveLeaderRequest{TargetID: uint64(to)})
		return err
	})
	if errors.Is(rpctypes.Error(err), rpctypes.Error(rpctypes.ErrGRPCNotLeader)) {
		return &fault.Error{Kind: fault.Conflict, Op: op, Object: leader.ID.String(), Err: err}
	}
	return failure(op, leader.ID.String(), err)
}

// the returns the connection to a member, once the member has answered there:
// the calls here have answers that do not say whose they are, and a load
// balancer must not have another member defragmented.
func (d *Defragmenter) the(ctx context.Context, op string, m cluster.Member) (*link, error) {
	l, err := d.pool.linkTo(m)
	if err != nil {
		return nil, err
	}
	s, err := memberStatus(ctx, l)
	if err == nil {
		err = mustBe(op, m.ID, uint64(s.MemberID))
	}
	return l, failure(op, m.ID.String(), err)
}

// Alarms returns the alarms that hold. See ports.Defragmenter.
func (d *Defragmenter) Alarms(ctx context.Context) ([]cluster.Alarm, error) {
	var alarms []cluster.Alarm
	err := d.pool.askVoter(ctx, "list alarms through etcd member", func(ctx context.Context, l *link, _ cluster.Member) error {
		return l.call(requireLeader(ctx), func(ctx context.Context) error {
			answer, err := pb.NewMaintenanceClient(l.conn).Alarm(ctx, &pb.AlarmRequest{Action: pb.AlarmRequest_GET})
			alarms = nil
			for _, a := range answer.GetAlarms() {
				alarms = append(alarms, cluster.Alarm{Member: cluster.ID(a.MemberID), Kind: a.Alarm.String()})
			}
			return err
		})
	})
	return alarms, err
}

// Disarm ends an alarm. See ports.Defragmenter.
func (d *Defragmenter) Disarm(ctx context.Context, a cluster.Alarm) error {
	const op = "disarm alarm of etcd member"
	kind, ok := pb.AlarmType_value[a.Kind]
	if !ok {
		return fault.New(fault.Invalid, op, a.Member.String(), "etcd knows no alarm "+a.Kind)
	}
	return d.pool.askVoter(ctx, op, func(ctx context.Context, l *link, _ cluster.Member) error {
		return l.call(requireLeader(ctx), func(ctx context.Context) error {
			_, err := pb.NewMaintenanceClient(l.conn).Alarm(ctx, &pb.AlarmRequest{
				Action: pb.AlarmRequest_DEACTIVATE, MemberID: uint64(a.Member), Alarm: pb.AlarmType(kind)})
			return err
		})
	})
}
