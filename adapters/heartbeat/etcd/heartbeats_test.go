package etcd_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/contract/heartbeat/voters"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestBeatingMakesNoRevision(t *testing.T) {
	t.Parallel()
	for _, of := range versions() {
		t.Run(of.version, func(t *testing.T) {
			e := servers.StartEtcd(t, of.version, of.members)
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			before := revision(t, c)
			var all []*etcd.Heartbeats
			for i := range contract.Members() {
				all = append(all, beside(t, e.Members[i%of.members], config()))
				renew(t, all[i], contract.Beat(i))
			}
			made := revision(t, c)
			if made != before+3 {
				t.Errorf("three heartbeats made %d revisions", made-before)
			}
			status, err := c.Status(t.Context(), e.Members[0].Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			for range 20 {
				for i, h := range all {
					renew(t, h, contract.Beat(i))
				}
			}
			after, err := c.Status(t.Context(), e.Members[0].Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			if got := revision(t, c); got != made {
				t.Errorf("60 beats made %d revisions", got-made)
			}
			t.Logf("60 beats: the raft index went from %d to %d", status.RaftIndex, after.RaftIndex)
		})
	}
}

func TestTheKeyAndItsLease(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	cfg := etcd.Config{Prefix: "/ops/revkeeper", TTL: 59*time.Second + time.Millisecond}
	b := contract.Beat(0)
	renew(t, beside(t, e.Members[0], cfg), b)
	value, lease, modified := key(t, c, cfg.Prefix, b.Name)
	const want = `{"name":"etcd-main-0","clusterID":"c1c2c3c4c5c6c7c8","memberID":"a1a2a3a4a5a6a7a8","address":"https://etcd-main-0:8380","version":"v1.2.3"}`
	if value != want {
		t.Errorf("got  %s\nwant %s", value, want)
	}
	granted, err := c.TimeToLive(t.Context(), lease, clientv3.WithAttachedKeys())
	if err != nil || granted.GrantedTTL != 60 || len(granted.Keys) != 1 {
		t.Fatalf("%+v, %v", granted, err)
	}

	// A change of the card stays on the lease.
	b.Version = "v1.2.4"
	renew(t, beside(t, e.Members[0], cfg), b)
	_, same, changed := key(t, c, cfg.Prefix, b.Name)
	if same != lease || changed != modified+1 {
		t.Errorf("lease %x after %x, revision %d after %d", same, lease, changed, modified)
	}

	// Another TTL takes another lease, once.
	cfg.TTL = 30 * time.Second
	h := beside(t, e.Members[0], cfg)
	for range 3 {
		renew(t, h, b)
	}
	_, other, moved := key(t, c, cfg.Prefix, b.Name)
	if other == lease || moved != changed+1 {
		t.Errorf("lease %x after %x, revision %d after %d", other, lease, moved, changed)
	}
	if s := current(t, h, b); s.TTL != 30*time.Second {
		t.Errorf("TTL %s", s.TTL)
	}
}

// etcd grants no less than its election timeout needs. That must not look like a
// changed configuration at every beat.
func TestEtcdMayGrantMore(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1, servers.EtcdArgs("--election-timeout", "6000"))
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	cfg := config()
	cfg.TTL = 5 * time.Second
	h := beside(t, e.Members[0], cfg)
	renew(t, h, contract.Beat(0))
	s := current(t, h, contract.Beat(0))
	if s.TTL <= cfg.TTL {
		t.Fatalf("etcd granted %s, so the test shows nothing", s.TTL)
	}
	before := revision(t, c)
	for range 5 {
		renew(t, h, contract.Beat(0))
	}
	if after := revision(t, c); after != before {
		t.Errorf("5 beats made %d revisions", after-before)
	}
}

// A restore can bring back keys whose lease is gone, and people can put keys.
func TestAKeyThatNobodyKeepsAlive(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	h := beside(t, e.Members[0], config())
	for _, tc := range []struct{ name, value string }{
		{"another member's", `{"name":"etcd-main-0","clusterID":"1","memberID":"2"}`},
		{"our own", `{"name":"etcd-main-0","clusterID":"c1c2c3c4c5c6c7c8","memberID":"a1a2a3a4a5a6a7a8","address":"https://etcd-main-0:8380","version":"v1.2.3"}`},
		{"empty", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := c.Put(t.Context(), "revkeeper/members/etcd-main-0", tc.value); err != nil {
				t.Fatal(err)
			}
			if found, err := h.List(t.Context(), nil); err != nil || len(found) != 0 {
				t.Errorf("found %+v, %v", found, err)
			}
			renew(t, h, contract.Beat(0))
			current(t, h, contract.Beat(0))
		})
	}
}

// A restore brings the old cluster's keys back with their leases, which get their
// whole TTL again. Whoever put them is not in this etcd.
func TestTheKeyOfTheClusterThatWasRestored(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	for _, tc := range []struct {
		name   string
		change func(old *heartbeat.Beat)
	}{
		{"the same member id", func(*heartbeat.Beat) {}},
		{"another member id", func(old *heartbeat.Beat) { old.MemberID++ }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, old, b := beside(t, e.Members[0], config()), contract.Beat(0), contract.Beat(0)
			old.ClusterID++
			tc.change(&old)
			renew(t, h, old)
			_, lease, modified := key(t, c, config().Prefix, b.Name)

			renew(t, h, b)
			_, fresh, changed := key(t, c, config().Prefix, b.Name)
			if fresh == lease || changed != modified+1 {
				t.Errorf("lease %x after %x, revision %d after %d", fresh, lease, changed, modified)
			}
			// The old lease ends by itself, and takes nothing with it.
			if left, err := c.TimeToLive(t.Context(), lease, clientv3.WithAttachedKeys()); err != nil || left.TTL <= 0 || len(left.Keys) != 0 {
				t.Errorf("the old lease: %+v, %v", left, err)
			}
			if _, err := c.Revoke(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
			current(t, h, b)
			before := revision(t, c)
			renew(t, h, b)
			if after := revision(t, c); after != before {
				t.Errorf("the next beat made %d revisions", after-before)
			}
		})
	}
}

// Keys beside those of the heartbeats are none of ours.
func TestNeighboursAreLeftAlone(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	h := beside(t, e.Members[0], config())
	// Each would be a heartbeat if its key were one's.
	value := func(key string) string {
		return fmt.Sprintf(`{"name":%q,"clusterID":"c1c2c3c4c5c6c7c8","memberID":"2"}`, strings.TrimPrefix(key, "revkeeper/members/"))
	}
	lease, err := c.Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	neighbours := []string{"revkeeper/members", "revkeeper/members/", "revkeeper/members0", "revkeeper/memberships/x", "revkeeper/members/a/x", "revkeeper/x", "x"}
	for _, k := range neighbours {
		if _, err := c.Put(t.Context(), k, value(k), clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range contract.Members() {
		renew(t, h, contract.Beat(i))
	}
	found, err := h.List(t.Context(), nil)
	if err != nil || len(found) != len(contract.Members()) {
		t.Errorf("found %+v, %v", found, err)
	}
	for _, k := range neighbours {
		if answer, err := c.Get(t.Context(), k); err != nil || len(answer.Kvs) != 1 || string(answer.Kvs[0].Value) != value(k) {
			t.Errorf("%s: %+v, %v", k, answer, err)
		}
	}
}

func TestNamesThatMakeNoKey(t *testing.T) {
	h := etcd.New(nil, config())
	for _, name := range []string{"", "a/b", "a b", "a\n", "\xff"} {
		b := contract.Beat(0)
		b.Name = name
		if err := h.Renew(t.Context(), b); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v, want Invalid", name, err)
		}
	}
}

// Many more keys than members: a List asks for their leases a few at a time.
func TestListOfMany(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	h := beside(t, e.Members[0], config())
	const sidecars = 50
	for i := range sidecars {
		b := contract.Beat(0)
		b.Name = fmt.Sprintf("sc-%02d", i)
		renew(t, h, b)
	}
	found, err := h.List(t.Context(), nil)
	if err != nil || len(found) != sidecars {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for i, s := range found {
		if s.Name != fmt.Sprintf("sc-%02d", i) {
			t.Errorf("%d is %s", i, s.Name)
		}
	}
}

func TestRights(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	enableAuth(t, writer(t, clientv3.Config{Endpoints: e.Endpoints()}))
	dir := t.TempDir()
	for name, password := range map[string]string{"right": "beats", "wrong": "guess"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, prefix, user, password string
		suffice                      bool
	}{
		{"to the keys below members", "narrow", "narrow", "right", true},
		{"nobody", "beats", "", "", false},
		{"a wrong password", "beats", "sidecar", "wrong", false},
		{"a user without a role", "beats", "stranger", "right", false},
		{"keys of others", "elsewhere", "sidecar", "right", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := voters.Config{Endpoint: e.Members[0].Endpoint, Username: tc.user}
			if tc.user != "" {
				c.PasswordFile = filepath.Join(dir, tc.password)
			}
			cfg := config()
			cfg.Prefix = tc.prefix
			h := etcd.New(voters.Dial(t, c), cfg)
			if tc.suffice {
				for range 2 {
					renew(t, h, contract.Beat(0))
					current(t, h, contract.Beat(0))
				}
				return
			}
			if err := h.Renew(bounded(t), contract.Beat(0)); !errors.Is(err, fault.Unauthorized) {
				t.Errorf("renew: got %v, want Unauthorized", err)
			}
			if _, err := h.List(bounded(t), nil); !errors.Is(err, fault.Unauthorized) {
				t.Errorf("list: got %v, want Unauthorized", err)
			}
		})
	}
}

func TestTheConflictSaysWhatToDo(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	h := beside(t, e.Members[0], config())
	renew(t, h, contract.Beat(0))
	b := contract.Beat(1)
	b.Name = contract.Beat(0).Name
	err := h.Renew(bounded(t), b)
	for _, want := range []string{"revkeeper/members/etcd-main-0", "member a1a2a3a4a5a6a7a8 of cluster c1c2c3c4c5c6c7c8", "member b2", "--name"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
