package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	"github.com/revkeeper/revkeeper/domain/fault"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/contract/heartbeat/voters"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// meddler lets a test act around the questions that go to a real cluster.
type meddler struct {
	etcd.Voters
	mu     sync.Mutex
	calls  map[string]int
	before func(call string, n int)       // n counts the calls of a method from 1
	after  func(call string, n int) error // its error takes the place of an answer that came
}

func (m *meddler) Ask(ctx context.Context, op string, ask func(context.Context, grpc.ClientConnInterface) error) error {
	return m.Voters.Ask(ctx, op, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		return ask(ctx, meddledConn{conn, m})
	})
}

func (m *meddler) count(call string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[call]++
	return m.calls[call]
}

type meddledConn struct {
	grpc.ClientConnInterface
	m *meddler
}

func (c meddledConn) Invoke(ctx context.Context, method string, in, out any, opts ...grpc.CallOption) error {
	call := method[strings.LastIndex(method, "/")+1:]
	n := c.m.count(call)
	if c.m.before != nil {
		c.m.before(call, n)
	}
	err := c.ClientConnInterface.Invoke(ctx, method, in, out, opts...)
	if err == nil && c.m.after != nil {
		return c.m.after(call, n)
	}
	return err
}

func (c meddledConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c.m.count(method[strings.LastIndex(method, "/")+1:])
	return c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
}

func TestRaces(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	worlds := 0
	setup := func(t *testing.T) (*meddler, *etcd.Heartbeats, etcd.Config) {
		worlds++
		cfg := config()
		cfg.Prefix = fmt.Sprint("race-", worlds)
		m := &meddler{Voters: voters.Dial(t, voters.Config{Endpoint: e.Members[0].Endpoint}), calls: map[string]int{}}
		return m, etcd.New(m, cfg), cfg
	}
	// leases fails the test unless want leases more than before are there.
	leases := func(t *testing.T, before, want int) {
		t.Helper()
		if got := leaseCount(t, c); got != before+want {
			t.Errorf("%d leases more, want %d", got-before, want)
		}
	}

	t.Run("another member is faster", func(t *testing.T) {
		m, h, cfg := setup(t)
		before, heir := leaseCount(t, c), contract.Beat(1)
		heir.Name = contract.Beat(0).Name
		m.before = func(call string, n int) {
			if call == "Txn" && n == 1 {
				renew(t, beside(t, e.Members[0], cfg), heir)
			}
		}
		if err := h.Renew(bounded(t), contract.Beat(0)); !errors.Is(err, fault.Conflict) {
			t.Errorf("got %v, want Conflict", err)
		}
		current(t, h, heir)
		leases(t, before, 1)
	})

	t.Run("a twin is faster", func(t *testing.T) {
		m, h, cfg := setup(t)
		before := leaseCount(t, c)
		m.before = func(call string, n int) {
			if call == "Txn" && n == 1 {
				renew(t, beside(t, e.Members[0], cfg), contract.Beat(0))
			}
		}
		renew(t, h, contract.Beat(0))
		if _, _, modified := key(t, c, cfg.Prefix, contract.Beat(0).Name); modified != revision(t, c) {
			t.Error("it was written twice")
		}
		leases(t, before, 1)
	})

	t.Run("somebody changes it while it is rewritten", func(t *testing.T) {
		m, h, cfg := setup(t)
		renew(t, h, contract.Beat(0))
		before, b := leaseCount(t, c), contract.Beat(0)
		b.Version = "v2"
		m.before = func(call string, n int) {
			if call == "Txn" && n == 2 {
				if _, err := c.Put(t.Context(), cfg.Prefix+"/members/"+b.Name, "{}"); err != nil {
					t.Error(err)
				}
			}
		}
		renew(t, h, b)
		current(t, h, b)
		leases(t, before, 1) // the old one carries nothing and will lapse
	})

	t.Run("the answer to a write is lost", func(t *testing.T) {
		m, h, cfg := setup(t)
		before, at := leaseCount(t, c), revision(t, c)
		m.after = func(call string, n int) error {
			if call == "Txn" && n == 1 {
				return status.Error(codes.Unavailable, "torn")
			}
			return nil
		}
		renew(t, h, contract.Beat(0))
		if _, _, modified := key(t, c, cfg.Prefix, contract.Beat(0).Name); modified != at+1 || m.calls["LeaseGrant"] != 1 {
			t.Errorf("revision %d after %d, %v", modified, at, m.calls)
		}
		leases(t, before, 1)
	})

	t.Run("the lease is gone before it is used", func(t *testing.T) {
		m, h, _ := setup(t)
		m.before = func(call string, n int) {
			if call == "Txn" && n == 1 {
				revokeKeyless(t, c)
			}
		}
		renew(t, h, contract.Beat(0))
		current(t, h, contract.Beat(0))
		if m.calls["LeaseGrant"] != 2 {
			t.Errorf("%v", m.calls)
		}
	})

	t.Run("somebody is always faster", func(t *testing.T) {
		m, h, cfg := setup(t)
		before := leaseCount(t, c)
		m.before = func(call string, n int) {
			if call == "Txn" {
				if _, err := c.Put(t.Context(), cfg.Prefix+"/members/"+contract.Beat(0).Name, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			}
		}
		if err := h.Renew(bounded(t), contract.Beat(0)); !errors.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want Unavailable", err)
		}
		if m.calls["LeaseGrant"] != 1 || m.calls["LeaseRevoke"] != 1 {
			t.Errorf("%v", m.calls)
		}
		leases(t, before, 0)
	})

	t.Run("a write is refused for good", func(t *testing.T) {
		m, h, _ := setup(t)
		before := leaseCount(t, c)
		m.after = func(call string, _ int) error {
			if call == "Txn" {
				return status.Error(codes.PermissionDenied, "etcdserver: permission denied")
			}
			return nil
		}
		if err := h.Renew(bounded(t), contract.Beat(0)); !errors.Is(err, fault.Unauthorized) {
			t.Errorf("got %v, want Unauthorized", err)
		}
		leases(t, before, 0)
	})

	t.Run("a steady beat asks two things", func(t *testing.T) {
		m, h, _ := setup(t)
		renew(t, h, contract.Beat(0))
		m.mu.Lock()
		clear(m.calls)
		m.mu.Unlock()
		renew(t, h, contract.Beat(0))
		if m.calls["Range"] != 1 || m.calls["LeaseKeepAlive"] != 1 || len(m.calls) != 2 {
			t.Errorf("%v", m.calls)
		}
	})
}

// revokeKeyless revokes every lease that carries no key.
func revokeKeyless(t *testing.T, c *clientv3.Client) {
	all, err := c.Leases(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	for _, l := range all.Leases {
		info, err := c.TimeToLive(t.Context(), l.ID, clientv3.WithAttachedKeys())
		if err == nil && len(info.Keys) == 0 {
			_, err = c.Revoke(t.Context(), l.ID)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
