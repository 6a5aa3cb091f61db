package etcd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// litter writes and compacts until the database has free pages.
func litter(t testing.TB, c *clientv3.Client) {
	t.Helper()
	var last int64
	for i := range 200 {
		put, err := c.Put(t.Context(), fmt.Sprintf("litter/%d", i%10), strings.Repeat("x", 64<<10))
		if err != nil {
			t.Fatal(err)
		}
		last = put.Header.Revision
	}
	if _, err := c.Compact(t.Context(), last, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
}

func TestDefragmentGivesSpaceBack(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			e := servers.StartEtcd(t, version, 1)
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			litter(t, c)
			me := members(t, clients)[0]
			var before cluster.Status
			eventually(t, "free pages", func() (err error) {
				// bbolt counts pages as free when a later transaction is committed.
				if _, err := c.Put(t.Context(), "tick", ""); err != nil {
					return err
				}
				if before, err = clients.Cluster.MemberStatus(t.Context(), me); err == nil && before.DBSize < 2*before.DBInUse {
					err = fmt.Errorf("%d of %d bytes are in use", before.DBInUse, before.DBSize)
				}
				return err
			})
			if err := clients.Defrag.Defragment(t.Context(), me); err != nil {
				t.Fatal(err)
			}
			after, err := clients.Cluster.MemberStatus(t.Context(), me)
			if err != nil || after.DBSize >= before.DBSize/2 {
				t.Errorf("%d bytes became %d, %v", before.DBSize, after.DBSize, err)
			}
			if _, err := c.Get(t.Context(), "litter/1"); err != nil {
				t.Errorf("a read afterwards: %v", err)
			}
		})
	}
}

func TestTheLeadMoves(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			e := servers.StartEtcd(t, version, 3)
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			var leader, follower cluster.Member
			eventually(t, "a leader", func() error {
				for _, m := range members(t, clients) {
					s, err := clients.Cluster.MemberStatus(t.Context(), m)
					switch {
					case err != nil:
						return err
					case s.Leader == m.ID:
						leader = m
					default:
						follower = m
					}
				}
				if leader.ID == 0 {
					return errors.New("nobody leads")
				}
				return nil
			})
			if err := clients.Defrag.MoveLeader(t.Context(), follower, leader.ID); !errors.Is(err, fault.Conflict) {
				t.Errorf("a follower gives the lead away: %v, want Conflict", err)
			}
			if err := clients.Defrag.MoveLeader(t.Context(), leader, follower.ID); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the follower to lead", func() error {
				s, err := clients.Cluster.MemberStatus(t.Context(), follower)
				if err == nil && s.Leader != follower.ID {
					err = fmt.Errorf("%s leads", s.Leader)
				}
				return err
			})
		})
	}
}

func TestAlarmsAreListedAndDisarmed(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			e := servers.StartEtcd(t, version, 1, servers.EtcdArgs("--quota-backend-bytes", "4194304"))
			clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			if alarms, err := clients.Defrag.Alarms(t.Context()); err != nil || len(alarms) > 0 {
				t.Fatalf("%v, %v", alarms, err)
			}
			eventually(t, "etcd out of space", func() error {
				for i := range 100 {
					if _, err := c.Put(t.Context(), fmt.Sprint(i), strings.Repeat("x", 128<<10)); err != nil {
						return nil
					}
				}
				return errors.New("there is room")
			})
			me := members(t, clients)[0]
			want := cluster.Alarm{Member: me.ID, Kind: "NOSPACE"}
			eventually(t, "the alarm", func() error {
				alarms, err := clients.Defrag.Alarms(t.Context())
				if err == nil && (len(alarms) != 1 || alarms[0] != want) {
					err = fmt.Errorf("%v", alarms)
				}
				return err
			})
			for range 2 { // the second has nothing to disarm
				if err := clients.Defrag.Disarm(t.Context(), want); err != nil {
					t.Fatal(err)
				}
			}
			if alarms, err := clients.Defrag.Alarms(t.Context()); err != nil || len(alarms) > 0 {
				t.Errorf("%v, %v", alarms, err)
			}
			if err := clients.Defrag.Disarm(t.Context(), cluster.Alarm{Member: me.ID, Kind: "HUNGER"}); !errors.Is(err, fault.Invalid) {
				t.Errorf("an alarm that etcd does not know: %v, want Invalid", err)
			}
		})
	}
}

// A member that dies is told at once, and one that is not there is not waited
// for; another member behind its address is not touched.
func TestWhatCannotBeDefragmented(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
	me := members(t, clients)[0]
	other := me
	other.ID++
	if err := clients.Defrag.Defragment(t.Context(), other); !errors.Is(err, fault.Unavailable) {
		t.Errorf("another member: %v, want Unavailable", err)
	}
	e.Members[0].Kill()
	if err := clients.Defrag.Defragment(t.Context(), me); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a dead member: %v, want Unavailable", err)
	}
}
