package docker

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// answer is what a member said when it was asked for its status.
type answer struct {
	sent, received       time.Time
	member, leader, term uint64 // leader is 0 if the member knows none
}

// unseenFor is how long a term may last without that anybody is seen to lead in
// it: a few looks on a busy machine.
const unseenFor = 2 * time.Second

// terms is who led etcd in each raft term, as the members themselves said. It is
// safe for concurrent use.
//
// The term of an answer is that of the newest entry that the member has applied,
// and the leader may be newer: right after an election, and while a member that
// was started again reads its log. So the leader of a term is the one that was
// named first with it, before anybody was in a higher one.
type terms struct {
	mu      sync.Mutex
	answers []answer
	leaders map[uint64]answer // by term, the first that names a leader
	highest answer            // of the highest term, the one that came first
}

func (s *terms) note(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, a)
	if h := s.highest; a.term > h.term || a.term == h.term && a.received.Before(h.received) {
		s.highest = a
	}
	if a.leader == 0 || a.term < s.highest.term && a.sent.After(s.highest.received) {
		return
	}
	if s.leaders == nil {
		s.leaders = map[uint64]answer{}
	}
	if before, ok := s.leaders[a.term]; !ok || a.sent.Before(before.sent) {
		s.leaders[a.term] = a
	}
}

// newest returns the highest term that a member answered with and who leads in
// it, 0 if nobody was seen to.
func (s *terms) newest() (term, leader uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.answers {
		term = max(term, a.term)
	}
	return term, s.leaders[term].leader
}

// doubt says why an object cannot have been begun while its writer's member had
// just been seen to lead in the term that it names; empty if it can. allowed is
// how long before that may have been.
func (s *terms) doubt(w snapshot.Writer, allowed time.Duration) string {
	if w.Term == 0 || w.LedAt.IsZero() || w.BegunAt.IsZero() {
		return "it does not say when it was begun and when its member was seen to lead"
	}
	// The one is kept to the millisecond, the other to the nanosecond.
	if w.BegunAt.Add(time.Millisecond).Before(w.LedAt) {
		return fmt.Sprintf("begun %s before its member was seen to lead", w.LedAt.Sub(w.BegunAt))
	}
	if age := w.BegunAt.Sub(w.LedAt); age > allowed {
		return fmt.Sprintf("begun %s after its member was last seen to lead, more than %s", age, allowed)
	}
	id, err := strconv.ParseUint(w.MemberID, 16, 64)
	if err != nil {
		return fmt.Sprintf("%q is no member's id", w.MemberID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch first, ok := s.leaders[w.Term]; {
	case ok && first.leader != id && !s.justElected(w, id):
		return fmt.Sprintf("%x led in term %d, not the writer's member %x", first.leader, w.Term, id)
	case !ok && !s.passedUnseen(w.Term, w.LedAt):
		return fmt.Sprintf("nobody was seen to lead in term %d", w.Term)
	}
	return s.beyond(w, id)
}

// justElected reports whether a writer's member was seen to lead in a higher term
// so soon that it can have been elected already when it answered, with nothing of
// the new term applied.
func (s *terms) justElected(w snapshot.Writer, id uint64) bool {
	for term, first := range s.leaders {
		if term > w.Term && first.leader == id && first.sent.Sub(w.LedAt) < unseenFor {
			return true
		}
	}
	return false
}

// passedUnseen reports whether a term was so short that no look fell into it, or
// over before the first one.
func (s *terms) passedUnseen(term uint64, ledAt time.Time) bool {
	var before, after time.Time
	for _, a := range s.answers {
		if a.term > term && (after.IsZero() || a.received.Before(after)) {
			after = a.received
		}
	}
	for _, a := range s.answers { // who is in a lower one later reads its log
		if a.term < term && a.sent.After(before) && (after.IsZero() || a.sent.Before(after)) {
			before = a.sent
		}
	}
	if before.IsZero() {
		return ledAt.Before(after)
	}
	return !after.IsZero() && after.Sub(before) < unseenFor
}

// beyond says that a member was in a higher term already when the writer says
// that it was seen to lead.
func (s *terms) beyond(w snapshot.Writer, id uint64) string {
	for _, a := range s.answers {
		if a.member == id && a.term > w.Term && a.received.Before(w.LedAt) {
			return fmt.Sprintf("its member was in term %d already %s before it was seen to lead in term %d", a.term, w.LedAt.Sub(a.received), w.Term)
		}
	}
	return ""
}

func TestWhoMayBeginAnObject(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	said := func(seconds float64, member, leader, term uint64) answer {
		return answer{sent: at(seconds), received: at(seconds + 0.01), member: member, leader: leader, term: term}
	}
	var s terms
	for _, a := range []answer{
		said(0, 0xa, 0xa, 2), said(0, 0xb, 0xa, 2), // a leads in term 2
		said(4.9, 0xa, 0xa, 2), said(5, 0xb, 0, 3), // an election
		said(5.9, 0xa, 0xb, 2),                     // elected, and nothing of the new term is applied
		said(6, 0xb, 0xb, 4), said(6, 0xa, 0xb, 4), // b leads in term 4; in term 3 nobody was seen
		said(20, 0xb, 0xc, 9), said(20, 0xc, 0xc, 9),
		said(21, 0xa, 0xc, 3), // started again, it reads its log
		said(31, 0xd, 0xd, 10),
	} {
		s.note(a)
	}
	if term, leader := s.newest(); term != 10 || leader != 0xd {
		t.Errorf("newest term %d, leader %x", term, leader)
	}
	w := func(member string, term uint64, led, begun float64) snapshot.Writer {
		return snapshot.Writer{MemberID: member, Term: term, LedAt: at(led), BegunAt: at(begun)}
	}
	for _, tc := range []struct {
		why    string
		writer snapshot.Writer
		doubt  bool
	}{
		{"just seen", w("a", 2, 3, 3.5), false},
		{"at the very end of what is allowed", w("a", 2, 3, 5), false},
		{"too long ago", w("a", 2, 3, 5.001), true},
		{"before it was seen", w("a", 2, 3, 2), true},
		{"the term's leader is another", w("b", 2, 3, 3.5), true},
		{"just elected, and nothing of the new term is applied", w("d", 9, 30.5, 30.7), false},
		{"long before it was elected", w("d", 9, 28, 28.2), true},
		{"a term that nobody was seen to lead in, too short to be seen", w("b", 3, 5.2, 5.5), false},
		{"a term that nobody was seen to lead in for long", w("b", 5, 10, 10.5), true},
		{"a term that was over when the members were asked first", w("b", 1, -2, -1), false},
		{"a term that was over long before", w("b", 1, 3, 3.5), true},
		{"a term that is not reached", w("c", 12, 31, 31.5), true},
		{"the member was in a higher term by then", w("a", 2, 7, 7.5), true},
		{"no member", w("", 2, 3, 3.5), true},
		{"nothing said", snapshot.Writer{MemberID: "a"}, true},
	} {
		if got := s.doubt(tc.writer, 2*time.Second); (got != "") != tc.doubt {
			t.Errorf("%s: %q, want doubt: %v", tc.why, got, tc.doubt)
		}
	}
}
