package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/contract/heartbeat/voters"
	"github.com/revkeeper/revkeeper/tests/poll"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// patience bounds waits. It is many times what is expected.
const patience = 60 * time.Second

// version is a release of etcd and how many members of it a test starts. Three
// of the newest have followers, which pass a lease's business on to the leader.
type version struct {
	version string
	members int
}

func versions() []version { return []version{{"etcd37", 3}, {"etcd36", 1}, {"etcd35", 1}} }

// config is what the tests use where nothing must lapse by itself.
func config() etcd.Config { return etcd.Config{Prefix: "revkeeper", TTL: time.Minute} }

// writer is etcd's own client, for what is done behind the adapter's back.
func writer(t testing.TB, c clientv3.Config) *clientv3.Client {
	t.Helper()
	c.Logger, c.DialTimeout = zap.NewNop(), 10*time.Second
	client, err := clientv3.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// beside returns what the sidecar beside a member has.
func beside(t testing.TB, m *servers.EtcdMember, c etcd.Config) *etcd.Heartbeats {
	t.Helper()
	return etcd.New(voters.Dial(t, voters.Config{Endpoint: m.Endpoint}), c)
}

func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func renew(t testing.TB, h ports.Heartbeats, b heartbeat.Beat) {
	t.Helper()
	if err := h.Renew(bounded(t), b); err != nil {
		t.Fatalf("renew %s: %v", b.Name, err)
	}
}

// current fails the test unless the heartbeat is listed, says what b says and
// has not lapsed.
func current(t testing.TB, h ports.Heartbeats, b heartbeat.Beat) heartbeat.Seen {
	t.Helper()
	found, err := h.List(bounded(t), nil)
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	for _, s := range found {
		if s.Card == b.Card && !s.Lapsed() {
			return s
		}
	}
	t.Fatalf("found %+v, want a current %+v", found, b.Card)
	return heartbeat.Seen{}
}

func suspended(t testing.TB, h ports.Heartbeats, b heartbeat.Beat) {
	t.Helper()
	err := h.Renew(bounded(t), b)
	var s *heartbeat.Suspension
	if !errors.As(err, &s) || s.Why != heartbeat.NoSpace {
		t.Fatalf("renew %s: got %v, want a suspension", b.Name, err)
	}
}

func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	poll.Until(t, patience, func() string {
		if err := try(); err != nil {
			return fmt.Sprintf("%s: %v", what, err)
		}
		return ""
	})
}

// key returns a name's key, which must be there.
func key(t testing.TB, c *clientv3.Client, prefix, name string) (value string, lease clientv3.LeaseID, modified int64) {
	t.Helper()
	answer, err := c.Get(t.Context(), prefix+"/members/"+name)
	if err != nil || len(answer.Kvs) != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	kv := answer.Kvs[0]
	return string(kv.Value), clientv3.LeaseID(kv.Lease), kv.ModRevision
}

func revision(t testing.TB, c *clientv3.Client) int64 {
	t.Helper()
	answer, err := c.Get(t.Context(), "nothing")
	if err != nil {
		t.Fatal(err)
	}
	return answer.Header.Revision
}

// silent is the URL of somebody who takes connections and says nothing.
func silent(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// world is an empty part of a cluster's keys; dial connects the n-th sidecar.
func world(t *testing.T, c *clientv3.Client, prefix string, dial func(t *testing.T, n int) etcd.Voters) contract.World {
	cfg := config()
	cfg.Prefix = prefix
	sidecars := 0
	return contract.World{
		TTL: cfg.TTL,
		Open: func(t *testing.T) ports.Heartbeats {
			sidecars++
			return etcd.New(dial(t, sidecars-1), cfg)
		},
		Lapse: func(t *testing.T, name string) {
			// What etcd itself does when a lease has expired.
			_, lease, _ := key(t, c, prefix, name)
			if _, err := c.Revoke(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
		},
		Remove: func(t *testing.T, name string) {
			if _, err := c.Delete(t.Context(), prefix+"/members/"+name); err != nil {
				t.Fatal(err)
			}
		},
		Spoil: func(t *testing.T, name string) {
			lease, err := c.Grant(t.Context(), 600) // somebody keeps it
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Put(t.Context(), prefix+"/members/"+name, "{", clientv3.WithLease(lease.ID)); err != nil {
				t.Fatal(err)
			}
		},
		Unreachable: func(t *testing.T) ports.Heartbeats {
			return etcd.New(voters.Dial(t, voters.Config{Endpoint: silent(t)}), cfg)
		},
		Writes: func(t *testing.T) int64 { return revision(t, c) },
	}
}
