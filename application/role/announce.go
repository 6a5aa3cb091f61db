package role

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
)

// mostNotes is how many announcements there may be at once.
const mostNotes = 16

// notes is the announcements about the own member.
type notes struct {
	held map[string]rolerule.Maintenance // by id
	// last is what was withdrawn last, and lastAt when: it still explains why the
	// status call of that moment was not answered.
	last   rolerule.Maintenance
	lastAt time.Time
}

// add keeps an announcement and returns its id, which nobody can guess.
func (n *notes) add(m rolerule.Maintenance) string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // it never fails
	id := hex.EncodeToString(random)
	n.held[id] = m
	return id
}

func (n *notes) withdraw(id string, now time.Time) {
	if m, ok := n.held[id]; ok {
		n.last, n.lastAt = m, now
		delete(n.held, id)
	}
}

// forget drops what has expired.
func (n *notes) forget(now time.Time) {
	for id, m := range n.held {
		if !m.Until.After(now) {
			delete(n.held, id)
		}
	}
}

// during returns what has not expired now and was announced while a call that
// was sent before was under way; of several, what lasts longest.
func (n *notes) during(sent, now time.Time) rolerule.Maintenance {
	n.forget(now)
	var longest rolerule.Maintenance
	if n.lastAt.After(sent) && n.last.Until.After(now) {
		longest = n.last
	}
	for _, m := range n.held {
		if m.Until.After(longest.Until) {
			longest = m
		}
	}
	return longest
}

// Announce says that a member will not answer until a deadline, at most
// role.Longest ahead. What concerns another member than the own changes nothing
// here. The returned func ends the announcement; it may be called twice.
func (p *Poller) Announce(member cluster.ID, reason string, until time.Time) (done func()) {
	p.mu.Lock()
	if member == 0 || p.known.MemberID != member {
		p.mu.Unlock()
		return func() {}
	}
	if latest := time.Now().Add(rolerule.Longest); until.After(latest) {
		until = latest
	}
	id := p.announce(rolerule.Maintenance{Reason: reason, Until: until})
	p.mu.Unlock()
	p.tell(reason, until)
	return func() { p.Withdraw(id) }
}

// tell says that the own member may be silent.
func (p *Poller) tell(reason string, until time.Time) {
	p.observe.Observe(event.Event{At: time.Now(), Kind: event.MemberBusy, Message: fmt.Sprintf(
		"the own member may not answer until %s: %s; until then silence does not change the role", until.UTC().Format(time.RFC3339), reason)})
}

// AnnounceFor is Announce for somebody else, who is told what is wrong: Invalid
// for a time that is not positive or above role.Longest, Conflict if the member
// is not the own one or too much is announced already. The id withdraws the
// announcement.
func (p *Poller) AnnounceFor(member cluster.ID, reason string, during time.Duration) (id string, err error) {
	const op = "announce maintenance of member"
	if during <= 0 || during > rolerule.Longest {
		return "", fault.New(fault.Invalid, op, member.String(), fmt.Sprintf("%s is out of range", during)).
			WithRemedy(fmt.Sprintf("announce more than 0s and at most %s", rolerule.Longest))
	}
	until := time.Now().Add(during)
	if id, err = p.accept(op, member, rolerule.Maintenance{Reason: reason, Until: until}); err == nil {
		p.tell(reason, until)
	}
	return id, err
}

// accept keeps an announcement of somebody else, if it is of the own member.
func (p *Poller) accept(op string, member cluster.ID, m rolerule.Maintenance) (id string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes.forget(time.Now())
	switch own := p.known.MemberID; {
	case own == 0:
		return "", fault.New(fault.Conflict, op, member.String(), "this sidecar's member has not answered yet, so nobody knows that it is this one")
	case own != member:
		return "", fault.New(fault.Conflict, op, member.String(), fmt.Sprintf("this sidecar stands beside member %s", own)).
			WithRemedy("tell the sidecar of that member")
	case len(p.notes.held) >= mostNotes:
		return "", fault.New(fault.Conflict, op, member.String(), fmt.Sprintf("%d announcements are held already", mostNotes)).
			WithRemedy("withdraw one, or wait until one expires")
	}
	return p.announce(m), nil
}

// Withdraw ends an announcement; one that has ended already is no matter.
func (p *Poller) Withdraw(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes.withdraw(id, time.Now())
}

// announce keeps an announcement, and has the other members looked up before the
// own one is busy if that is still to be done. The caller holds mu.
func (p *Poller) announce(m rolerule.Maintenance) (id string) {
	if p.role == rolerule.Leader && p.listedAt.IsZero() {
		p.wantList()
	}
	return p.notes.add(m)
}
