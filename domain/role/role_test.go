package role_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/role"
)

const (
	follower = role.Follower
	leader   = role.Leader
	unknown  = role.Unknown
)

// leading is what only a leader does, in the order of starting.
var leading = []role.Duty{role.Backup, role.Compact, role.Retention, role.Proof, role.Drill, role.Defragment}

func stopped(ds ...role.Duty) []role.Duty {
	out := slices.Clone(ds)
	slices.Reverse(out)
	return out
}

func TestEveryRoleWithEverySight(t *testing.T) {
	all := append([]role.Duty{role.Heartbeat}, leading...)
	type row struct {
		story       string
		from        role.Role
		sight       role.Sight
		to          role.Role
		stop, start []role.Duty
	}
	rows := []row{
		{"a follower whose member keeps following goes on", follower, role.Following, follower, nil, nil},
		{"a follower whose member won the election starts snapshotter and defragmentor", follower, role.Leading, leader, nil, leading},
		{"a follower beside a learner stays one", follower, role.Learning, follower, nil, nil},
		{"a follower without an etcd leader stops renewing its lease", follower, role.NoLeader, unknown, stopped(role.Heartbeat), nil},
		{"a follower whose member is down stops renewing its lease", follower, role.Failed, unknown, stopped(role.Heartbeat), nil},
		{"a follower whose member is being defragmented keeps its lease", follower, role.Busy, follower, nil, nil},

		{"a leader whose member keeps leading goes on", leader, role.Leading, leader, nil, nil},
		{"a leader whose member lost the election stops snapshotter and defragmentor", leader, role.Following, follower, stopped(leading...), nil},
		{"a leader whose member came back as a learner takes no more backups", leader, role.Learning, follower, stopped(leading...), nil},
		{"a leader that lost the quorum stops everything", leader, role.NoLeader, unknown, stopped(all...), nil},
		{"a leader whose member is down stops everything", leader, role.Failed, unknown, stopped(all...), nil},
		{"a leader whose member is being hashed goes on", leader, role.Busy, leader, nil, nil},

		{"from unknown to follower the lease renewal starts", unknown, role.Following, follower, nil, []role.Duty{role.Heartbeat}},
		{"from unknown to leader lease renewal, snapshotter and defragmentor start", unknown, role.Leading, leader, nil, all},
		{"from unknown beside a learner the lease renewal starts", unknown, role.Learning, follower, nil, []role.Duty{role.Heartbeat}},
		{"still no etcd leader", unknown, role.NoLeader, unknown, nil, nil},
		{"the member is still down", unknown, role.Failed, unknown, nil, nil},
		{"announced maintenance does not make an unknown known", unknown, role.Busy, unknown, nil, nil},
	}
	covered := map[string]int{}
	for _, tc := range rows {
		t.Run(tc.story, func(t *testing.T) {
			covered[string(tc.from)+" "+string(tc.sight)]++
			got := role.Next(tc.from, role.Observation{Sight: tc.sight, Detail: "as seen"})
			if got.From != tc.from || got.To != tc.to {
				t.Errorf("%s → %s, want %s → %s", got.From, got.To, tc.from, tc.to)
			}
			if !slices.Equal(got.Stop, tc.stop) {
				t.Errorf("stops %v, want %v", got.Stop, tc.stop)
			}
			if !slices.Equal(got.Start, tc.start) {
				t.Errorf("starts %v, want %v", got.Start, tc.start)
			}
			if got.Changed() != (tc.from != tc.to) {
				t.Errorf("Changed = %v", got.Changed())
			}
			if !strings.HasSuffix(got.Reason, " (as seen)") || len(got.Reason) < len("xx (as seen)") {
				t.Errorf("reason %q", got.Reason)
			}
		})
	}
	for _, r := range role.Roles() {
		for _, s := range role.Sights() {
			if n := covered[string(r)+" "+string(s)]; n != 1 {
				t.Errorf("%s seeing %q has %d rows, want 1", r, s, n)
			}
		}
	}
}

func TestEverySidecarStartsAsFollowerWithItsLease(t *testing.T) {
	first := role.Initial()
	if first.To != follower || !slices.Equal(first.Start, []role.Duty{role.Heartbeat}) || first.Stop != nil || first.Reason == "" {
		t.Errorf("Initial = %+v", first)
	}
}

func TestASightThatNobodyKnowsIsUnknown(t *testing.T) {
	if got := role.Next(leader, role.Observation{Sight: "new"}); got.To != unknown {
		t.Errorf("to %s", got.To)
	}
}

// obedient does what transitions say, and fails the test where that cannot be
// done: it starts nothing that runs, stops only what was started last, and then
// runs exactly what the role obliges to.
type obedient struct {
	t       *testing.T
	history []role.Sight
	role    role.Role
	running []role.Duty // in the order of starting
}

func newObedient(t *testing.T) *obedient {
	o := &obedient{t: t, role: unknown}
	o.do(role.Initial())
	return o
}

func (o *obedient) see(s role.Sight) {
	o.t.Helper()
	o.history = append(o.history, s)
	before := o.role
	o.do(role.Next(o.role, role.Observation{Sight: s}))
	want := map[role.Sight]role.Role{role.Leading: leader, role.Following: follower, role.Learning: follower,
		role.NoLeader: unknown, role.Failed: unknown, role.Busy: before}
	if o.role != want[s] {
		o.t.Fatalf("%v: %s as %s makes %s", o.history, s, before, o.role)
	}
}

func (o *obedient) do(tr role.Transition) {
	o.t.Helper()
	if tr.From != o.role || tr.Reason == "" {
		o.t.Fatalf("%v: from %s because %q, the role is %s", o.history, tr.From, tr.Reason, o.role)
	}
	if !tr.Changed() && len(tr.Stop)+len(tr.Start) > 0 {
		o.t.Fatalf("%v: %s stays and stops %v, starts %v", o.history, tr.To, tr.Stop, tr.Start)
	}
	for _, d := range tr.Stop {
		last := len(o.running) - 1
		if last < 0 || o.running[last] != d {
			o.t.Fatalf("%v: %s → %s stops %v while %v run", o.history, tr.From, tr.To, tr.Stop, o.running)
		}
		o.running = o.running[:last]
	}
	for _, d := range tr.Start {
		if slices.Contains(o.running, d) {
			o.t.Fatalf("%v: %s → %s starts %v while %v run", o.history, tr.From, tr.To, tr.Start, o.running)
		}
		o.running = append(o.running, d)
	}
	o.role = tr.To
	want := map[role.Role][]role.Duty{follower: {role.Heartbeat}, leader: append([]role.Duty{role.Heartbeat}, leading...)}
	if !slices.Equal(o.running, want[o.role]) {
		o.t.Fatalf("%v: as %s run %v", o.history, o.role, o.running)
	}
}

func TestDutiesFollowTheRoleThroughAnyHistory(t *testing.T) {
	const length = 5
	sights := role.Sights()
	histories := 1
	for range length {
		histories *= len(sights)
	}
	for n := range histories {
		o := newObedient(t)
		for range length {
			o.see(sights[n%len(sights)])
			n /= len(sights)
		}
	}
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 7))
		o := newObedient(t)
		for range 200 {
			o.see(sights[rng.IntN(len(sights))])
		}
	}
}
