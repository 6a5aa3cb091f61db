package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	"github.com/revkeeper/revkeeper/domain/fault"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/contract/heartbeat/voters"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestNoSpaceSuspendsOnlyWhatTakesSpace(t *testing.T) {
	t.Parallel()
	for _, of := range versions() {
		t.Run(of.version, func(t *testing.T) {
			e := servers.StartEtcd(t, of.version, of.members, servers.EtcdArgs("--quota-backend-bytes", fmt.Sprint(4<<20)))
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			sidecar := func(n int) *etcd.Heartbeats { return beside(t, e.Members[n%of.members], config()) }
			first, second, third := sidecar(0), sidecar(1), sidecar(2)
			renew(t, first, contract.Beat(0))
			renew(t, third, contract.Beat(2))
			fill(t, c)
			_, lease, modified := key(t, c, config().Prefix, contract.Beat(0).Name)
			leases := leaseCount(t, c)

			for range 3 { // those that were there go on
				renew(t, first, contract.Beat(0))
				renew(t, sidecar(0), contract.Beat(0)) // after a new beginning too
			}
			current(t, second, contract.Beat(0))
			suspended(t, second, contract.Beat(1)) // a new one
			moved := contract.Beat(0)
			moved.Address = "https://10.0.0.9:8380"
			suspended(t, first, moved) // a new card; the old one stays alive
			current(t, second, contract.Beat(0))
			if _, err := c.Delete(t.Context(), config().Prefix+"/members/"+contract.Beat(2).Name); err != nil {
				t.Fatal(err)
			}
			suspended(t, third, contract.Beat(2)) // one that was lost
			if _, same, at := key(t, c, config().Prefix, contract.Beat(0).Name); same != lease || at != modified {
				t.Errorf("lease %x and revision %d, were %x and %d", same, at, lease, modified)
			}
			if got := leaseCount(t, c); got != leases {
				t.Errorf("%d leases, were %d", got, leases)
			}

			disarm(t, c)
			for i, h := range []*etcd.Heartbeats{first, second, third} {
				eventually(t, "a renewal after the alarm", func() error { return h.Renew(bounded(t), contract.Beat(i)) })
				current(t, first, contract.Beat(i))
			}
		})
	}
}

// fill writes until etcd raises its NOSPACE alarm.
func fill(t *testing.T, c *clientv3.Client) {
	t.Helper()
	for i := range 64 {
		_, err := c.Put(t.Context(), fmt.Sprint("fill/", i), strings.Repeat("x", 256<<10))
		if errors.Is(err, rpctypes.ErrNoSpace) {
			// Every member has applied the alarm once each refuses by itself.
			for _, endpoint := range c.Endpoints() {
				eventually(t, "the alarm", func() error {
					s, err := c.Status(t.Context(), endpoint)
					if err == nil && len(s.Errors) == 0 {
						err = errors.New("no alarm")
					}
					return err
				})
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the quota is not reached")
}

// disarm makes room and takes the alarm back.
func disarm(t *testing.T, c *clientv3.Client) {
	t.Helper()
	ctx := t.Context()
	deleted, err := c.Delete(ctx, "fill/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range c.Endpoints() {
		if _, err := c.Defragment(ctx, endpoint); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.AlarmDisarm(ctx, &clientv3.AlarmMember{}); err != nil {
		t.Fatal(err)
	}
}

func leaseCount(t *testing.T, c *clientv3.Client) int {
	t.Helper()
	answer, err := c.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Leases)
}

func TestAHeartbeatOutlivesTheLeader(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 3)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	leader := leaderOf(t, e, c)
	cfg := config()
	cfg.TTL = 10 * time.Second
	// The sidecar beside the leader goes on after its own member is dead.
	h := etcd.New(voters.Dial(t, voters.Config{Endpoint: leader.Endpoint, DialTimeout: time.Second}), cfg)
	renew(t, h, contract.Beat(0))
	_, lease, modified := key(t, c, cfg.Prefix, contract.Beat(0).Name)
	leader.Kill()
	eventually(t, "a beat through the remaining", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return h.Renew(ctx, contract.Beat(0))
	})
	current(t, h, contract.Beat(0))
	others := writer(t, clientv3.Config{Endpoints: endpointsBut(e, leader)})
	if _, same, at := key(t, others, cfg.Prefix, contract.Beat(0).Name); same != lease || at != modified {
		t.Errorf("lease %x and revision %d, were %x and %d", same, at, lease, modified)
	}
	leader.Restart()
	renew(t, h, contract.Beat(0))
	current(t, h, contract.Beat(0))
}

func TestWithoutAQuorumItIsUnavailable(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 3)
	h := etcd.New(voters.Dial(t, voters.Config{Endpoint: e.Members[0].Endpoint, DialTimeout: time.Second}), config())
	renew(t, h, contract.Beat(0))
	e.Members[1].Kill()
	e.Members[2].Kill()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if err := h.Renew(ctx, contract.Beat(0)); !errors.Is(err, fault.Unavailable) {
			t.Errorf("renew: got %v, want Unavailable", err)
		}
		if _, err := h.List(ctx, nil); !errors.Is(err, fault.Unavailable) {
			t.Errorf("list: got %v, want Unavailable", err)
		}
		cancel()
	}
	e.Restart(e.Members[1], e.Members[2])
	eventually(t, "the quorum is back", func() error { return h.Renew(bounded(t), contract.Beat(0)) })
	current(t, h, contract.Beat(0))
}

func TestAHeartbeatThatIsNotRenewedLapses(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	cfg := config()
	cfg.TTL = 5 * time.Second
	silent, living := beside(t, e.Members[0], cfg), beside(t, e.Members[0], cfg)
	renew(t, silent, contract.Beat(0))
	heir := contract.Beat(1)
	heir.Name = contract.Beat(0).Name
	if err := living.Renew(bounded(t), heir); !errors.Is(err, fault.Conflict) {
		t.Fatalf("got %v, want Conflict", err)
	}
	// Nobody else's look keeps it alive.
	eventually(t, "the name is free", func() error { return living.Renew(bounded(t), heir) })
	current(t, silent, heir)
}

func TestTheSidecarOfALearnerBeats(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	learner := e.AddLearner(t, "etcd37", func(peerURL string) error {
		_, err := c.MemberAddAsLearner(t.Context(), []string{peerURL})
		return err
	})
	h := etcd.New(voters.Dial(t, voters.Config{Endpoint: learner.Endpoint, ClusterEndpoints: []string{e.Members[0].Endpoint}}), config())
	eventually(t, "the learner's sidecar beats", func() error { return h.Renew(bounded(t), contract.Beat(1)) })
	made := revision(t, c)
	for range 5 {
		renew(t, h, contract.Beat(1))
	}
	current(t, beside(t, e.Members[0], config()), contract.Beat(1))
	if after := revision(t, c); after != made {
		t.Errorf("5 beats made %d revisions", after-made)
	}
}

// A member whose own etcd hangs is not well, but its sidecar's beat must not
// hang with it.
func TestTheOwnMemberHangs(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 3)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	own := e.Members[0]
	if own == leaderOf(t, e, c) {
		own = e.Members[1]
	}
	h := etcd.New(voters.Dial(t, voters.Config{Endpoint: own.Endpoint, DialTimeout: time.Second}), config())
	renew(t, h, contract.Beat(0))
	own.Pause()
	defer own.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.Renew(ctx, contract.Beat(0)); err != nil {
		t.Error(err)
	}
	current(t, h, contract.Beat(0))
}

func leaderOf(t *testing.T, e *servers.Etcd, c *clientv3.Client) *servers.EtcdMember {
	t.Helper()
	for _, m := range e.Members {
		s, err := c.Status(t.Context(), m.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if s.Leader == s.Header.MemberId {
			return m
		}
	}
	t.Fatal("no leader")
	return nil
}

func endpointsBut(e *servers.Etcd, dead *servers.EtcdMember) []string {
	var rest []string
	for _, m := range e.Members {
		if m != dead {
			rest = append(rest, m.Endpoint)
		}
	}
	return rest
}
