// Package load writes to an etcd cluster everything that a history can hold:
// puts, deletes, range deletes, transactions that touch one key twice, leases
// granted, attached and revoked, values large and empty, and keys of any bytes.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Writer writes a random but repeatable program of operations. It is not safe
// for concurrent use.
type Writer struct {
	client *clientv3.Client
	rng    *rand.Rand
	leases []clientv3.LeaseID
	// Acknowledged is the newest revision that an operation was answered with.
	Acknowledged int64
	// Operations counts what was acknowledged.
	Operations int64
}

// New returns a Writer that repeats itself for equal seeds.
func New(c *clientv3.Client, seed uint64) *Writer {
	return &Writer{client: c, rng: rand.New(rand.NewPCG(seed, seed))}
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
// operations fail; they are tried again until ctx ends.
func (w *Writer) Run(ctx context.Context, pause time.Duration) error {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := w.one(call)
		cancel()
		if err != nil {
			pause := time.NewTimer(50 * time.Millisecond)
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

func (w *Writer) key() string {
	kinds := []string{"pods", "events", "leases", "configmaps"}
	return fmt.Sprintf("/registry/%s/ns%d/obj%d", kinds[w.rng.IntN(len(kinds))], w.rng.IntN(5), w.rng.IntN(40))
}

func (w *Writer) value() string {
	n := 100 + w.rng.IntN(2000)
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, `{"uid":"%x","phase":"Running"}`, w.rng.Uint64())
	}
	return b.String()
}

// one performs one random operation and notes its revision.
func (w *Writer) one(ctx context.Context) error {
	var rev int64
	var err error
	switch p := w.rng.IntN(100); {
	case p < 55:
		rev, err = put(ctx, w.client, w.key(), w.value())
	case p < 65:
		rev, err = w.delete(ctx, w.key())
	case p < 68:
		prefix := w.key()
		rev, err = w.delete(ctx, prefix[:len(prefix)-1], clientv3.WithPrefix())
	case p < 80:
		rev, err = w.transaction(ctx)
	case p < 92:
		rev, err = w.leased(ctx)
	case p < 94:
		rev, err = w.revoke(ctx)
	case p < 97:
		rev, err = put(ctx, w.client, "odd/\xff\xfe\x00"+string(rune('a'+w.rng.IntN(4))), "")
	default:
		rev, err = put(ctx, w.client, w.key(), strings.Repeat(w.value(), 40))
	}
	if err != nil {
		return err
	}
	w.Acknowledged = max(w.Acknowledged, rev)
	w.Operations++
	return nil
}

func put(ctx context.Context, c *clientv3.Client, k, v string, opts ...clientv3.OpOption) (int64, error) {
	r, err := c.Put(ctx, k, v, opts...)
	if err != nil {
		return 0, err
	}
	return r.Header.Revision, nil
}

func (w *Writer) delete(ctx context.Context, k string, opts ...clientv3.OpOption) (int64, error) {
	r, err := w.client.Delete(ctx, k, opts...)
	if err != nil {
		return 0, err
	}
	return r.Header.Revision, nil
}

// transaction changes several keys in one revision, one of them twice: a put in
// one nested transaction and its delete in the next.
func (w *Writer) transaction(ctx context.Context) (int64, error) {
	k, other := w.key(), w.key()
	ops := []clientv3.Op{
		clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpPut(k+"/twice", w.value())}, nil),
		clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpDelete(k + "/twice")}, nil),
		clientv3.OpPut(k+"/once", w.value()),
	}
	if other != k {
		ops = append(ops, clientv3.OpDelete(other))
	}
	r, err := w.client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return 0, err
	}
	return r.Header.Revision, nil
}

func (w *Writer) leased(ctx context.Context) (int64, error) {
	if len(w.leases) == 0 || w.rng.IntN(3) == 0 {
		g, err := w.client.Grant(ctx, int64(3600+w.rng.IntN(1000)))
		if err != nil {
			return 0, err
		}
		w.leases = append(w.leases, g.ID)
	}
	id := w.leases[w.rng.IntN(len(w.leases))]
	rev, err := put(ctx, w.client, w.key(), w.value(), clientv3.WithLease(id))
	if err != nil && strings.Contains(err.Error(), "lease not found") {
		return 0, nil
	}
	return rev, err
}

func (w *Writer) revoke(ctx context.Context) (int64, error) {
	if len(w.leases) == 0 {
		return 0, nil
	}
	i := w.rng.IntN(len(w.leases))
	id := w.leases[i]
	w.leases = append(w.leases[:i], w.leases[i+1:]...)
	r, err := w.client.Revoke(ctx, id)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return 0, err
		}
		return 0, nil // a try that timed out had revoked it
	}
	return r.Header.Revision, nil
}
