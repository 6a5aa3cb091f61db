package role_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

// from is what a member says of who leads.
func from(id, leader cluster.ID, term uint64) answer {
	return answer{status: cluster.Status{ClusterID: leading.ClusterID, MemberID: id, Leader: leader, RaftTerm: term}}
}

// atBusyLeader plays on from a leader whose own member has just become silent
// within an announcement of an hour; the next status call is sent now.
func atBusyLeader(t *testing.T, o *others, play func(m *member, p *role.Poller, entered func() []rolerule.Role)) {
	t.Helper()
	m := &member{}
	m.is(leading)
	pollAmong(t, config, m, o, func(p *role.Poller, entered func() []rolerule.Role) {
		p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Hour))
		m.hang()
		pass(config.Interval)
		play(m, p, entered)
		if _, asked := o.was(); slices.Contains(asked, leading.MemberID) {
			t.Error("the own member was asked as one of the others")
		}
	})
}

func TestWhatOthersSayOfABusyLeader(t *testing.T) {
	foreign := from(3, 3, 9)
	foreign.status.ClusterID = 8
	slow, silent := from(3, 3, 3), answer{hangs: true}
	slow.after = config.Timeout / 2
	for _, tc := range []struct {
		name   string
		says   map[cluster.ID]answer
		role   rolerule.Role
		after  time.Duration // from the call to the verdict
		reason string
	}{
		{"it leads", map[cluster.ID]answer{2: from(2, 1, 2), 3: silent}, rolerule.Leader, config.Timeout, "member 2 says that it leads"},
		{"another leads", map[cluster.ID]answer{2: from(2, 3, 3), 3: from(3, 3, 3)}, rolerule.Follower, config.Timeout, "says that 3 leads"},
		{"one is silent, the other knows", map[cluster.ID]answer{2: silent, 3: slow}, rolerule.Follower, config.Timeout * 3 / 2, "member 3 says that 3 leads"},
		{"one is down, the other knows", map[cluster.ID]answer{3: from(3, 3, 3)}, rolerule.Follower, config.Timeout, "member 3 says that 3 leads"},
		{"one knows no leader, the other does", map[cluster.ID]answer{2: from(2, 0, 3), 3: slow}, rolerule.Follower, config.Timeout * 3 / 2, "member 3 says that 3 leads"},
		{"one is of another cluster, the other knows", map[cluster.ID]answer{2: slow, 3: foreign}, rolerule.Follower, config.Timeout * 3 / 2, "says that 3 leads"},
		{"all are silent", map[cluster.ID]answer{2: silent, 3: silent}, rolerule.Leader, 2 * config.Timeout, "busy with announced maintenance"},
		{"all are down", nil, rolerule.Leader, config.Timeout, "busy with announced maintenance"},
		{"none knows a leader", map[cluster.ID]answer{2: from(2, 0, 3), 3: from(3, 0, 3)}, rolerule.Leader, config.Timeout, "busy with announced maintenance"},
		{"only another cluster answers", map[cluster.ID]answer{3: foreign}, rolerule.Leader, config.Timeout, "busy with announced maintenance"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			atBusyLeader(t, &others{says: tc.says}, func(m *member, p *role.Poller, entered func() []rolerule.Role) {
				pass(tc.after - time.Millisecond)
				if r := p.Now().Reason; strings.Contains(r, "busy") || strings.Contains(r, "says that") {
					t.Errorf("too early: %s", r)
				}
				pass(time.Millisecond)
				want := []rolerule.Role{rolerule.Follower, rolerule.Leader}
				if tc.role == rolerule.Follower {
					want = append(want, rolerule.Follower)
				}
				wantRoles(t, entered(), want...)
				if r := p.Now().Reason; !strings.Contains(r, tc.reason) {
					t.Errorf("reason %q does not say %q", r, tc.reason)
				}
				m.is(leading)
				pass(2 * config.Interval)
				if tc.role == rolerule.Follower {
					want = append(want, rolerule.Leader)
				}
				wantRoles(t, entered(), want...)
			})
		})
	}
}

func TestAPollLastsTwoTimeoutsAtMost(t *testing.T) {
	silent := answer{hangs: true}
	hasty := role.Config{Interval: config.Timeout / 2, Timeout: config.Timeout}
	for _, tc := range []struct {
		name  string
		o     *others
		lasts time.Duration
	}{
		{"the others are silent", &others{says: map[cluster.ID]answer{2: silent, 3: silent}}, 2 * hasty.Timeout},
		{"nobody gives the member list", &others{list: silent}, hasty.Timeout * 3 / 2},
		{"it comes late, and then nobody answers",
			&others{list: answer{after: hasty.Timeout/2 - time.Millisecond}, says: map[cluster.ID]answer{2: silent}}, 2 * hasty.Timeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &member{}
			m.is(leading)
			pollAmong(t, hasty, m, tc.o, func(p *role.Poller, entered func() []rolerule.Role) {
				p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Hour))
				m.hang()
				pass(20 * hasty.Timeout)
				wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
				if n := len(m.polls()); n < 8 {
					t.Fatalf("%d polls", n)
				}
				m.keepDistance(t, 2, tc.lasts)
			})
		})
	}
}

// Their answer could make neither anything else: a follower stays one, and an
// announcement does not make an unknown known.
func TestOnlyABusyLeaderAsksOthers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		says  answer
		roles []rolerule.Role
	}{
		{"follower", answer{status: following}, []rolerule.Role{rolerule.Follower}},
		{"unknown", refused, []rolerule.Role{rolerule.Follower, rolerule.Unknown}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, o := &member{}, &others{says: map[cluster.ID]answer{2: from(2, 2, 2), 3: from(3, 1, 3)}}
			m.is(following)
			pollAmong(t, config, m, o, func(p *role.Poller, entered func() []rolerule.Role) {
				m.set(tc.says)
				pass(config.Interval)
				wantRoles(t, entered(), tc.roles...)
				p.Announce(following.MemberID, "defragmentation", time.Now().Add(time.Hour))
				m.hang()
				pass(20 * time.Second)
				wantRoles(t, entered(), tc.roles...)
				if lists, asked := o.was(); len(asked)+len(lists) > 0 {
					t.Errorf("asked %v, and %d times for the members", asked, len(lists))
				}
				if r := p.Now().Reason; !strings.Contains(r, "defragmentation") {
					t.Errorf("reason %q", r)
				}
				m.is(following)
				pass(2 * config.Interval)
				if now := entered(); now[len(now)-1] != rolerule.Follower {
					t.Errorf("roles %v", now)
				}
			})
		})
	}
}

func TestALeaderAloneStaysBusyUntilTheDeadline(t *testing.T) {
	m := &member{}
	m.is(leading)
	poll(t, m, func(p *role.Poller, entered func() []rolerule.Role) {
		p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Minute))
		m.hang()
		pass(time.Minute)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader)
		pass(config.Interval + config.Timeout)
		wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Unknown)
	})
}

func TestTheMemberListIsKeptForWhenTheMemberIsBusy(t *testing.T) {
	t.Run("it is asked for each minute, between polls", func(t *testing.T) {
		m, o := &member{}, &others{list: answer{after: config.Timeout / 2}}
		m.is(leading)
		pollAmong(t, config, m, o, func(*role.Poller, func() []rolerule.Role) {
			pass(5*time.Minute + config.Interval/2)
			if lists, _ := o.was(); len(lists) < 5 || len(lists) > 6 {
				t.Errorf("asked %d times in five minutes", len(lists))
			}
			m.keepDistance(t, 0, config.Interval)
		})
	})
	t.Run("that hangs, and no poll is late", func(t *testing.T) {
		m, o := &member{}, &others{list: answer{hangs: true}}
		m.is(leading)
		hasty := role.Config{Interval: time.Second, Timeout: time.Minute}
		pollAmong(t, hasty, m, o, func(*role.Poller, func() []rolerule.Role) {
			pass(10*time.Second + time.Millisecond)
			if lists, _ := o.was(); len(lists) < 10 || len(m.polls()) != 11 {
				t.Errorf("%d polls, %d lists", len(m.polls()), len(lists))
			}
			m.keepDistance(t, 0, hasty.Interval)
		})
	})
	t.Run("it failed, and an announcement has it asked for at once", func(t *testing.T) {
		m, o := &member{}, &others{list: refused, says: map[cluster.ID]answer{2: from(2, 2, 3)}}
		m.is(leading)
		pollAmong(t, config, m, o, func(p *role.Poller, entered func() []rolerule.Role) {
			o.set(func() { o.list = answer{} })
			if _, err := p.AnnounceFor(leading.MemberID, "defragmentation", time.Minute); err != nil {
				t.Error(err)
			}
			m.hang()
			if lists, _ := o.was(); len(lists) != 2 {
				t.Errorf("asked %d times", len(lists))
			}
			o.set(func() { o.list = refused })
			pass(config.Interval + config.Timeout)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Follower)
		})
	})
	t.Run("it was never had, and the others give it", func(t *testing.T) {
		m, o := &member{}, &others{list: refused, says: map[cluster.ID]answer{2: from(2, 2, 3)}}
		m.is(leading)
		pollAmong(t, config, m, o, func(p *role.Poller, entered func() []rolerule.Role) {
			p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Minute))
			m.hang()
			synctest.Wait()
			o.set(func() { o.list = answer{} })
			pass(config.Interval + config.Timeout)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Follower)
		})
	})
	t.Run("the last one is good enough", func(t *testing.T) {
		m, o := &member{}, &others{says: map[cluster.ID]answer{2: from(2, 2, 3)}}
		m.is(leading)
		pollAmong(t, config, m, o, func(p *role.Poller, entered func() []rolerule.Role) {
			o.set(func() { o.list = refused })
			pass(10 * time.Minute)
			p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Minute))
			m.hang()
			pass(config.Interval + config.Timeout)
			wantRoles(t, entered(), rolerule.Follower, rolerule.Leader, rolerule.Follower)
		})
	})
}

// Whatever is being waited for when the sidecar ends, it ends at once;
// pollAmong checks that.
func TestRunEndsAtOnce(t *testing.T) {
	silent := answer{hangs: true}
	for name, o := range map[string]*others{
		"while the others are asked": {says: map[cluster.ID]answer{2: silent, 3: silent}},
		"while the members are":      {list: silent},
	} {
		t.Run(name, func(t *testing.T) {
			atBusyLeader(t, o, func(*member, *role.Poller, func() []rolerule.Role) {
				pass(config.Timeout + config.Timeout/4)
			})
		})
	}
	t.Run("while the own member is", func(t *testing.T) {
		m := &member{}
		m.hang()
		poll(t, m, func(*role.Poller, func() []rolerule.Role) { pass(config.Timeout / 2) })
	})
}

func TestLedAt(t *testing.T) {
	m, o := &member{}, &others{}
	m.is(following)
	pollAmong(t, config, m, o, func(p *role.Poller, entered func() []rolerule.Role) {
		want := func(what string, term uint64, at time.Time) {
			t.Helper()
			synctest.Wait()
			if gotTerm, gotAt := p.LedAt(); gotTerm != term || !gotAt.Equal(at) {
				t.Errorf("%s: term %d at %v, want %d at %v", what, gotTerm, gotAt, term, at)
			}
		}
		sent := func() time.Time {
			polls := m.polls()
			return polls[len(polls)-1]
		}
		want("a follower never led", 0, time.Time{})
		m.set(answer{status: leading, after: config.Timeout / 2})
		pass(config.Interval)
		want("no answer yet", 0, time.Time{})
		pass(config.Timeout / 2)
		want("the moment of asking counts, not of the answer", 2, sent())
		m.is(leading)
		pass(3 * config.Interval)
		last := sent()
		want("each answer counts", 2, last)

		p.Announce(leading.MemberID, "defragmentation", time.Now().Add(time.Hour))
		m.hang()
		pass(config.Interval)
		want("nobody knows", 2, last)
		o.set(func() { o.says = map[cluster.ID]answer{3: from(3, 1, 4)} })
		pass(config.Interval)
		last = sent().Add(config.Timeout - config.Interval) // of the poll before the one under way
		want("another says so", 4, last)
		o.set(func() { o.says = map[cluster.ID]answer{3: from(3, 2, 5)} })
		pass(config.Interval)
		want("another denies it", 4, last)
		m.set(answer{err: fault.New(fault.Unavailable, "status", "", "connection refused")})
		pass(2 * config.Interval)
		want("nobody answers", 4, last)
		if got := entered(); !slices.Equal(got, []rolerule.Role{rolerule.Follower, rolerule.Leader, rolerule.Follower, rolerule.Unknown}) {
			t.Errorf("roles %v", got)
		}
	})
}
