package docker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// roleSeen is what a sidecar said of itself, at a moment between two.
type roleSeen struct {
	sent, received time.Time
	pair           string
	role           openapi.Role
	reason         string
}

// roles is what the sidecars said of themselves. It is safe for concurrent use.
type roles struct {
	mu   sync.Mutex
	seen []roleSeen
}

func (r *roles) note(s roleSeen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

// ledTogether returns for how long after a moment two sidecars both said without
// a break that they lead.
func (r *roles) ledTogether(since time.Time, one, other string) (longest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	leads := map[string]bool{}
	var from time.Time
	for _, s := range r.seen {
		if s.sent.Before(since) || s.pair != one && s.pair != other {
			continue
		}
		before := leads[one] && leads[other]
		leads[s.pair] = s.role == openapi.RoleLeader
		switch both := leads[one] && leads[other]; {
		case both && !before:
			from = s.received
		case both:
			longest = max(longest, s.sent.Sub(from))
		}
	}
	return longest
}

// history tells each change of a sidecar's role and of etcd's leader, in the
// order of time.
func (r *roles) history(t *terms) string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	r.mu.Lock()
	last := map[string]openapi.Role{}
	for _, s := range r.seen {
		if last[s.pair] != s.role {
			lines = append(lines, line{s.received, fmt.Sprintf("%s is %s: %s", s.pair, s.role, s.reason)})
		}
		last[s.pair] = s.role
	}
	r.mu.Unlock()
	t.mu.Lock()
	said := map[uint64]answer{}
	for _, a := range t.answers {
		if b := said[a.member]; b.term != a.term || b.leader != a.leader {
			lines = append(lines, line{a.received, fmt.Sprintf("member %x says that %x leads in term %d", a.member, a.leader, a.term)})
		}
		said[a.member] = a
	}
	t.mu.Unlock()
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&text, "%s %s\n", l.at.UTC().Format("15:04:05.000"), l.text)
	}
	return text.String()
}

func TestLedTogether(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var r roles
	say := func(second int, pair string, role openapi.Role) {
		at := start.Add(time.Duration(second) * time.Second)
		r.note(roleSeen{sent: at, received: at, pair: pair, role: role})
	}
	say(0, "a", openapi.RoleLeader)
	say(0, "b", openapi.RoleFollower)
	say(2, "b", openapi.RoleLeader)
	say(3, "c", openapi.RoleFollower)
	say(5, "a", openapi.RoleLeader)
	say(6, "a", openapi.RoleFollower)
	say(7, "b", openapi.RoleLeader)
	say(9, "a", openapi.RoleLeader)
	say(10, "b", openapi.RoleLeader)
	if got := r.ledTogether(start, "a", "b"); got != 3*time.Second {
		t.Errorf("a and b led together for %s", got)
	}
	if got := r.ledTogether(start.Add(7*time.Second), "a", "b"); got != time.Second {
		t.Errorf("from the 7th second on a and b led together for %s", got)
	}
	if got := r.ledTogether(start, "a", "c"); got != 0 {
		t.Errorf("a and c led together for %s", got)
	}
	if got := r.history(&terms{}); strings.Count(got, "\n") != 6 || !strings.HasPrefix(got, "03:04:05.000 a is Leader") {
		t.Errorf("the history is\n%s", got)
	}
}
