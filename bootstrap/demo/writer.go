package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// writer is the client whose data is kept: puts, deletes, transactions and keys
// on leases, a few hundred a second.
type writer struct {
	client   *clientv3.Client
	done     atomic.Int64 // acknowledged operations
	revision atomic.Int64 // newest acknowledged
	cancel   context.CancelFunc
	ended    chan struct{}
	lease    clientv3.LeaseID
}

func startWriter(ctx context.Context, c *clientv3.Client) *writer {
	ctx, cancel := context.WithCancel(ctx)
	w := &writer{client: c, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		rng := rand.New(rand.NewPCG(1, 2))
		for pause(ctx, 4*time.Millisecond) == nil {
			call, end := context.WithTimeout(ctx, 2*time.Second)
			rev, err := w.write(call, rng)
			end()
			if err != nil {
				continue // an election; the next try tells
			}
			w.done.Add(1)
			w.revision.Store(max(rev, w.revision.Load()))
		}
	}()
	return w
}

// stop ends the writer and waits for it.
func (w *writer) stop() {
	w.cancel()
	<-w.ended
}

func (w *writer) write(ctx context.Context, rng *rand.Rand) (int64, error) {
	key := fmt.Sprintf("/registry/pods/default/web-%d", rng.IntN(300))
	value := strings.Repeat(fmt.Sprintf(`{"uid":"%x"}`, rng.Uint64()), 20)
	switch p := rng.IntN(10); {
	case p < 7:
		r, err := w.client.Put(ctx, key, value)
		if err != nil {
			return 0, err
		}
		return r.Header.Revision, nil
	case p < 8:
		r, err := w.client.Delete(ctx, key)
		if err != nil {
			return 0, err
		}
		return r.Header.Revision, nil
	case p < 9:
		r, err := w.client.Txn(ctx).Then(clientv3.OpPut(key, value), clientv3.OpDelete("/registry/pods/default/job-", clientv3.WithPrefix()),
			clientv3.OpPut("/registry/counter", value)).Commit()
		if err != nil {
			return 0, err
		}
		return r.Header.Revision, nil
	default:
		return w.leased(ctx, value)
	}
}

func (w *writer) leased(ctx context.Context, value string) (int64, error) {
	if w.lease == 0 {
		g, err := w.client.Grant(ctx, 3600)
		if err != nil {
			return 0, err
		}
		w.lease = g.ID
	}
	r, err := w.client.Put(ctx, "/registry/events/latest", value, clientv3.WithLease(w.lease))
	if err != nil {
		return 0, err
	}
	return r.Header.Revision, nil
}
