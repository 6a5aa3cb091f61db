package docker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/revkeeper/revkeeper/tests/load"
)

// writers is the number of clients that write at once.
const writers = 2

// ack is a write that etcd acknowledged.
type ack struct {
	at       time.Time
	took     time.Duration
	revision int64
}

// acks is what etcd acknowledged, in the order of arrival. It is safe for
// concurrent use.
type acks struct {
	mu  sync.Mutex
	all []ack
}

// intercept notes the calls of a client that write.
func (a *acks) intercept(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	began := time.Now()
	err := invoke(ctx, method, request, reply, cc, opts...)
	if err != nil {
		return err
	}
	switch r := reply.(type) {
	case *etcdserverpb.PutResponse:
		a.note(began, r.GetHeader().GetRevision())
	case *etcdserverpb.DeleteRangeResponse:
		a.note(began, r.GetHeader().GetRevision())
	case *etcdserverpb.TxnResponse:
		a.note(began, r.GetHeader().GetRevision())
	case *etcdserverpb.LeaseRevokeResponse:
		a.note(began, r.GetHeader().GetRevision())
	}
	return nil
}

func (a *acks) note(began time.Time, revision int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.all = append(a.all, ack{at: now, took: now.Sub(began), revision: revision})
}

// until returns the newest revision that had been acknowledged by a moment.
func (a *acks) until(moment time.Time) (revision int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, each := range a.all {
		if !each.at.After(moment) {
			revision = max(revision, each.revision)
		}
	}
	return revision
}

// count returns how many there are, and the newest revision among them.
func (a *acks) count() (n int, revision int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, each := range a.all {
		revision = max(revision, each.revision)
	}
	return len(a.all), revision
}

// waiting returns when the oldest revision above one was acknowledged; ok is
// false if there is none.
func (a *acks) waiting(above int64) (since time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.all) - 1; i >= 0; i-- {
		if a.all[i].revision > above {
			since, ok = a.all[i].at, true
		} else if above-a.all[i].revision > reordered {
			break
		}
	}
	return since, ok
}

// reordered is by how many revisions answers to different clients may be out of
// order.
const reordered = 1000

// took returns the median and the 99th percentile of how long writes took that
// were acknowledged in a time, and how many there were.
func (a *acks) took(from, to time.Time) (median, p99 time.Duration, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []time.Duration
	for _, each := range a.all {
		if each.at.After(from) && each.at.Before(to) {
			all = append(all, each.took)
		}
	}
	if len(all) == 0 {
		return 0, 0, 0
	}
	slices.SortFunc(all, cmp.Compare[time.Duration])
	return all[len(all)/2], all[len(all)*99/100], len(all)
}

// startLoad writes through members until stop is called, whatever happens to
// them. stop may be called twice; it returns how many operations were
// acknowledged and the newest revision among them.
func (c *cluster) startLoad(through ...*pair) (stop func() (operations int, newest int64)) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	var group sync.WaitGroup
	for seed := range uint64(writers) {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: endpoints(through...), DialTimeout: patience, Logger: zap.NewNop(),
			DialOptions: []grpc.DialOption{quickReconnect, grpc.WithChainUnaryInterceptor(c.checker.acks.intercept)},
		})
		if err != nil {
			c.t.Fatalf("connect to etcd: %v", err)
		}
		c.t.Cleanup(func() { _ = client.Close() })
		w := load.New(client, seed)
		group.Go(func() { _ = w.Run(ctx, 2*time.Millisecond) }) // it ends with ctx, without an error
	}
	stop = func() (int, int64) {
		cancel()
		group.Wait()
		return c.checker.acks.count()
	}
	c.t.Cleanup(func() { stop() })
	return stop
}

func TestAcks(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var a acks
	for i := range 100 {
		at := start.Add(time.Duration(i) * time.Second)
		a.all = append(a.all, ack{at: at, took: time.Duration(i) * time.Millisecond, revision: int64(1000 + i)})
	}
	a.all[50].revision, a.all[51].revision = a.all[51].revision, a.all[50].revision // answers to two clients
	if got := a.until(start.Add(20 * time.Second)); got != 1020 {
		t.Errorf("by the 20th second %d was acknowledged", got)
	}
	if got := a.until(start.Add(50 * time.Second)); got != 1051 {
		t.Errorf("by the 50th second %d was acknowledged", got)
	}
	if got := a.until(start.Add(-time.Second)); got != 0 {
		t.Errorf("before the first %d was acknowledged", got)
	}
	if since, ok := a.waiting(1050); !ok || !since.Equal(start.Add(50*time.Second)) {
		t.Errorf("above 1050 waits since %s, %v", since, ok)
	}
	if since, ok := a.waiting(1099); ok {
		t.Errorf("above the newest something waits since %s", since)
	}
	if n, newest := a.count(); n != 100 || newest != 1099 {
		t.Errorf("%d acknowledged, the newest %d", n, newest)
	}
	if median, p99, n := a.took(start, start.Add(time.Hour)); median != 50*time.Millisecond || p99 != 99*time.Millisecond || n != 99 {
		t.Errorf("median %s, p99 %s of %d", median, p99, n)
	}
}
