package role_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

const defragmentation = "defragmentation"

// announceFor fails the test where the poller does not take an announcement.
func announceFor(t *testing.T, p *role.Poller, during time.Duration) (id string) {
	t.Helper()
	id, err := p.AnnounceFor(leading.MemberID, defragmentation, during)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWhatIsAnnouncedForAnotherKeepsTheRole(t *testing.T) {
	for _, tc := range []struct {
		name string
		says cluster.Status
		role rolerule.Role
	}{{"leader", leading, rolerule.Leader}, {"follower", following, rolerule.Follower}} {
		roles := []rolerule.Role{rolerule.Follower}
		if tc.role == rolerule.Leader {
			roles = append(roles, rolerule.Leader)
		}
		for name, end := range map[string]func(*role.Poller, string){
			"until it expires":      func(*role.Poller, string) { pass(10 * time.Second) },
			"until it is withdrawn": func(p *role.Poller, id string) { p.Withdraw(id) },
		} {
			t.Run(tc.name+" "+name, func(t *testing.T) {
				m := &member{}
				m.is(tc.says)
				poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
					id := announceFor(t, p, time.Minute)
					m.hang()
					pass(55 * time.Second)
					wantRoles(t, entered(), roles...)
					if r := p.Now().Reason; !strings.Contains(r, defragmentation) {
						t.Errorf("reason %q", r)
					}
					end(p, id)
					pass(2 * config.Interval)
					wantRoles(t, entered(), append(roles, rolerule.Unknown)...)
					m.is(tc.says)
					pass(2 * config.Interval)
					wantRoles(t, entered(), append(roles, rolerule.Unknown, tc.role)...)
				})
			})
		}
	}
}

// The maintenance ends, and is withdrawn, while a status call waits for it, and
// the member is too slow for that call.
func TestACallThatMaintenanceDelayedIsExcused(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		pass(config.Interval / 2)
		id := announceFor(t, p, time.Minute)
		m.hang()
		pass(config.Interval/2 + config.Timeout/2)
		p.Withdraw(id)
		pass(config.Timeout / 2)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		if r := p.Now().Reason; !strings.Contains(r, defragmentation) {
			t.Errorf("reason %q", r)
		}
		// The next call was sent after it.
		pass(config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
	})
}

func TestACallThatOutlastsTheDeadlineIsNot(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		announceFor(t, p, config.Interval+config.Timeout/2)
		m.hang()
		pass(config.Interval + config.Timeout)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
	})
}

func TestTheLongestAnnouncementCounts(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		long := announceFor(t, p, time.Hour)
		short := announceFor(t, p, time.Minute)
		own := p.Announce(leading.MemberID, "HashKV scan", time.Now().Add(30*time.Second))
		m.hang()
		for range 5 {
			pass(config.Interval)
			if r, until := p.Now().Reason, "until 2000-01-01T01:00:00Z"; p.Now().Err != nil && !strings.Contains(r, until) {
				t.Errorf("reason %q is not %s", r, until)
			}
		}
		p.Withdraw(short)
		own()
		own()
		p.Withdraw("nothing")
		pass(10 * time.Minute)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		p.Withdraw(long)
		p.Withdraw(long)
		pass(2 * config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
	})
}

func TestNothingIsAnnouncedForLongerThanTheLongest(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		p.Announce(leading.MemberID, defragmentation, time.Now().Add(100*rolerule.Longest))
		m.hang()
		pass(rolerule.Longest - config.Timeout)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		pass(2 * config.Interval)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
	})
}

func TestAnnouncementsThatAreRefused(t *testing.T) {
	m := &member{}
	m.set(refused)
	poll(t, m, func(p *role.Poller, _ func() []rolerule.Role) {
		for _, id := range []cluster.ID{0, leading.MemberID} {
			if _, err := p.AnnounceFor(id, defragmentation, time.Minute); !errors.Is(err, fault.Conflict) {
				t.Errorf("of member %s, while the own one is not known: %v", id, err)
			}
		}
		p.Announce(0, defragmentation, time.Now().Add(time.Hour))
		m.is(leading)
		pass(config.Interval)
		m.hang()
		pass(config.Interval + config.Timeout)
		if now := p.Now(); now.Role != rolerule.Unknown {
			t.Errorf("an announcement for nobody makes %s: %s", now.Role, now.Reason)
		}
		for _, tc := range []struct {
			name   string
			member cluster.ID
			during time.Duration
			want   fault.Kind
		}{
			{"another member", 7, time.Minute, fault.Conflict},
			{"no member", 0, time.Minute, fault.Conflict},
			{"no time", leading.MemberID, 0, fault.Invalid},
			{"negative", leading.MemberID, -time.Second, fault.Invalid},
			{"too long", leading.MemberID, rolerule.Longest + 1, fault.Invalid},
		} {
			if id, err := p.AnnounceFor(tc.member, defragmentation, tc.during); fault.KindOf(err) != tc.want || err == nil || id != "" {
				t.Errorf("%s: %q, %v, want %s", tc.name, id, err, tc.want)
			}
		}
		announceFor(t, p, rolerule.Longest)
	})
}

func TestAnnouncementsAreBounded(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		full := func() bool {
			t.Helper()
			_, err := p.AnnounceFor(leading.MemberID, defragmentation, time.Minute)
			if err != nil && !errors.Is(err, fault.Conflict) {
				t.Error(err)
			}
			return err != nil
		}
		ids := map[string]bool{}
		var id string
		for i := range 16 {
			id = announceFor(t, p, time.Minute+time.Duration(i))
			if b, err := hex.DecodeString(id); err != nil || len(b) < 16 || ids[id] {
				t.Errorf("id %q can be guessed", id)
			}
			ids[id] = true
		}
		if !full() {
			t.Error("one more was taken")
		}
		// The sidecar's own has its place all the same.
		p.Announce(leading.MemberID, "HashKV scan", time.Now().Add(2*time.Minute))
		p.Withdraw(id)
		if !full() {
			t.Error("the sidecar's own does not count")
		}
		pass(time.Minute + time.Second)
		if full() {
			t.Error("those that expired still count")
		}
		m.hang()
		pass(30 * time.Second)
		synctest.Wait()
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
	})
}

func TestAnIDThatChangesIsUnknownForAsLong(t *testing.T) {
	for name, change := range map[string]func(*cluster.Status){
		"member":  func(s *cluster.Status) { s.MemberID = 7 },
		"cluster": func(s *cluster.Status) { s.ClusterID = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			m := &member{}
			m.is(leading)
			poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
				announceFor(t, p, time.Hour) // excuses nothing of that
				other := leading
				change(&other)
				m.is(other)
				pass(10 * config.Interval)
				wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
				if now := p.Now(); now.Status.MemberID != leading.MemberID || now.Status.ClusterID != leading.ClusterID || !strings.Contains(now.Reason, "7") {
					t.Errorf("now %+v", now)
				}
				if _, err := p.AnnounceFor(7, defragmentation, time.Minute); !errors.Is(err, fault.Conflict) {
					t.Errorf("an announcement for the other: %v", err)
				}
				m.is(leading)
				pass(config.Interval)
				wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown, rolerule.Leader)
			})
		})
	}
}
