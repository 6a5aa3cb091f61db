// Package load writes to an etcd cluster everything that a history can hold:
// puts, deletes, range deletes, transactions that touch one key twice, leases
// granted, attached and revoked, values large and empty, and keys of any bytes.
package load

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Writer carries out a program of the usual shape. It is not safe for concurrent
// use.
type Writer struct {
	client  *clientv3.Client
	program *Program
	// Acknowledged is the newest revision that an operation was answered with.
	Acknowledged int64
	// Operations counts what was acknowledged.
	Operations int64
}

// New returns a Writer that repeats itself for equal seeds.
func New(c *clientv3.Client, seed uint64) *Writer {
	return &Writer{client: c, program: NewProgram(seed, Usual)}
}

// Do performs n operations.
func (w *Writer) Do(ctx context.Context, n int) error {
	for range n {
		if err := w.one(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Run performs operations until ctx ends. While the cluster elects a leader
// operations fail, and the next one is tried.
func (w *Writer) Run(ctx context.Context, pause time.Duration) error {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := w.one(call)
		cancel()
		if err != nil {
			wait(ctx, 50*time.Millisecond)
		}
		if pause > 0 {
			wait(ctx, pause)
		}
	}
	return nil
}

func (w *Writer) one(ctx context.Context) error {
	rev, err := w.program.Next().Do(ctx, w.client)
	if err != nil {
		return err
	}
	w.Acknowledged = max(w.Acknowledged, rev)
	w.Operations++
	return nil
}

// Do carries the operation out and returns the cluster's revision after it; 0 if
// the cluster refused it for a lease or a key that is not there any more, or a
// lease that is there already, as after a try whose answer was lost.
func (o Operation) Do(ctx context.Context, c *clientv3.Client) (revision int64, err error) {
	revision, err = o.do(ctx, c)
	for _, nothing := range []error{rpctypes.ErrLeaseNotFound, rpctypes.ErrLeaseExist, rpctypes.ErrKeyNotFound} {
		if errors.Is(err, nothing) {
			return 0, nil
		}
	}
	return revision, err
}

func (o Operation) do(ctx context.Context, c *clientv3.Client) (int64, error) {
	switch o.Kind {
	case Grant:
		// The client cannot ask for an id.
		r, err := etcdserverpb.NewLeaseClient(c.ActiveConnection()).LeaseGrant(ctx,
			&etcdserverpb.LeaseGrantRequest{ID: o.Lease, TTL: o.TTL})
		if err != nil {
			return 0, rpctypes.Error(err)
		}
		return r.Header.Revision, nil
	case Revoke:
		r, err := c.Revoke(ctx, clientv3.LeaseID(o.Lease))
		if err != nil {
			return 0, err
		}
		return r.Header.Revision, nil
	case Txn:
		cmp, then, otherwise := o.transaction()
		r, err := c.Txn(ctx).If(cmp...).Then(then...).Else(otherwise...).Commit()
		if err != nil {
			return 0, err
		}
		return r.Header.Revision, nil
	default:
		r, err := c.Do(ctx, o.op())
		if err != nil {
			return 0, err
		}
		if o.Kind == Put {
			return r.Put().Header.Revision, nil
		}
		return r.Del().Header.Revision, nil
	}
}

// op is a put, a delete or a transaction as etcd's client sends it.
func (o Operation) op() clientv3.Op {
	switch o.Kind {
	case Txn:
		return clientv3.OpTxn(o.transaction())
	case Delete:
		if o.End != "" {
			return clientv3.OpDelete(o.Key, clientv3.WithRange(o.End))
		}
		return clientv3.OpDelete(o.Key)
	}
	opts := []clientv3.OpOption{clientv3.WithLease(clientv3.LeaseID(o.Lease))}
	if o.KeepValue {
		opts = append(opts, clientv3.WithIgnoreValue())
	}
	if o.KeepLease {
		opts = append(opts, clientv3.WithIgnoreLease())
	}
	return clientv3.OpPut(o.Key, o.Value, opts...)
}

func (o Operation) transaction() (cmp []clientv3.Cmp, then, otherwise []clientv3.Op) {
	if o.Key != "" {
		relation := ">"
		if o.Unless {
			relation = "="
		}
		cmp = append(cmp, clientv3.Compare(clientv3.Version(o.Key), relation, 0))
	}
	for _, op := range o.Then {
		then = append(then, op.op())
	}
	for _, op := range o.Else {
		otherwise = append(otherwise, op.op())
	}
	return cmp, then, otherwise
}
