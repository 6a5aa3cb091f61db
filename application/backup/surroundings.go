package backup

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// surroundings is what a session knows beside the watch: where the cluster is,
// and its authentication, which the watch does not carry.
type surroundings struct {
	mu      sync.Mutex
	raft    snapshot.Raft
	compact int64
	last    int64 // newest revision that arrived whole
	auth    snapshot.Auth
	changed bool          // auth changed since the last delta was sealed
	before  snapshot.Auth // what it was then
	floors  []floor       // oldest first; the first is of the stored tail
}

// floorsKept bounds how far back a watch that is behind can still be dated.
const floorsKept = 128

// floor says that everything above revision was written after at.
type floor struct {
	revision int64
	at       time.Time
}

func newSurroundings(p position) *surroundings {
	s := &surroundings{raft: p.head.Raft, compact: p.head.Compact, last: p.from - 1}
	oldest := floor{} // of what is older than this session nothing is known
	if p.tail != nil {
		oldest.at, s.auth = p.tail.SeenAt, p.tail.Auth
	}
	s.floors = []floor{oldest, {p.head.Revision, p.asked}}
	return s
}

// notBefore returns the newest instant before which revision was certainly not
// written.
func (s *surroundings) notBefore(revision int64) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range slices.Backward(s.floors) {
		if f.revision < revision {
			return f.at
		}
	}
	return s.floors[0].at
}

func (s *surroundings) received(revision int64, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last, revision)
	s.raft.Term = max(s.raft.Term, term)
}

func (s *surroundings) compacted(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compact = max(s.compact, revision)
}

// reached returns the newest revision that arrived whole, or the one before the
// watch began.
func (s *surroundings) reached() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *surroundings) heard(head chain.Head, asked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raft.Term, s.raft.Index = max(s.raft.Term, head.Raft.Term), max(s.raft.Index, head.Raft.Index)
	s.compact = max(s.compact, head.Compact)
	s.floors = append(s.floors, floor{head.Revision, asked})
	if len(s.floors) > floorsKept {
		s.floors = slices.Delete(s.floors, 1, 2)
	}
}

// authIs notes the authentication state and reports whether it changed.
func (s *surroundings) authIs(a snapshot.Auth) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a == s.auth {
		return false
	}
	if !s.changed {
		s.before, s.changed = s.auth, true
	}
	s.auth = a
	return true
}

// authStarts notes the authentication state where nothing is stored that could
// be of another.
func (s *surroundings) authStarts(a snapshot.Auth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth = a
}

func (s *surroundings) authAndRaft() (snapshot.Auth, snapshot.Raft) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.auth, s.raft
}

// describe fills in the envelope of a delta that is sealed now.
func (s *surroundings) describe(env *snapshot.Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	env.Raft, env.Compact, env.Auth = s.raft, s.compact, s.auth
	if s.changed {
		to := s.auth
		env.Auth, env.AuthTo = s.before, &to
		s.changed = false
	}
}

// firstAuth reads the authentication state before anything is sealed. If it is
// not what the stored history says, users changed while nobody looked.
func (s *session) firstAuth(ctx context.Context) error {
	a, err := s.askAuth(ctx)
	if err != nil {
		return err
	}
	if full := s.p.full; full.ref != nil && full.auth != a {
		// Whoever noticed the change may have ended before the full was stored.
		s.wantFull("the newest full is older than etcd's users and roles")
	}
	switch {
	case s.p.tail == nil:
		s.surroundings.authStarts(a)
	case s.surroundings.authIs(a):
		s.authChanged(s.p.tail.Auth, a)
	}
	return nil
}

func (s *session) askAuth(ctx context.Context) (snapshot.Auth, error) {
	ctx, cancel := context.WithTimeout(ctx, s.b.config.CallTimeout)
	defer cancel()
	a, err := s.b.cluster.Auth(ctx)
	if err != nil {
		return a, fmt.Errorf("ask for the auth revision: %w", err)
	}
	return a, nil
}

func (s *session) authChanged(from, to snapshot.Auth) {
	s.b.observe.Observe(event.Event{At: time.Now(), Kind: event.AuthChanged, Epoch: s.p.epoch,
		Message: fmt.Sprintf("auth revision went from %d to %d: a full is taken, for the watch does not carry users and roles", from.Revision, to.Revision)})
	s.wantFull("etcd's users or roles changed")
}

// wantFull has a full taken at once, for a reason.
func (s *session) wantFull(reason string) {
	select {
	case s.fullNow <- reason:
	default: // one is wanted already
	}
}

// askAround asks the cluster from time to time what the watch does not say:
// whether it says all there is, whether an idle history is complete, and whether authentication changed.
func (s *session) askAround(ctx context.Context) error {
	heads := time.NewTicker(s.b.config.HeadInterval)
	defer heads.Stop()
	auths := time.NewTicker(s.b.config.AuthInterval)
	defer auths.Stop()
	s.b.state.live(s.p.head.Revision, s.p.asked)
	var vigil chain.Vigil
	for {
		select {
		case <-heads.C:
			asked, reached := time.Now(), s.surroundings.reached()
			head, err := s.b.head(ctx)
			if err != nil {
				continue // the watch ends by itself if the cluster is gone
			}
			if err := vigil.Look(reached, head.Revision, asked); err != nil {
				return err
			}
			if err := s.q.takePoison(); err != nil {
				return err
			}
			s.surroundings.heard(head, asked)
			s.b.state.live(head.Revision, asked)
			s.b.state.compacted(head.Compact)
		case epoch := <-s.b.doubts:
			if epoch == s.p.epoch {
				return fault.New(fault.Conflict, "follow history", fmt.Sprintf("timeline %d", epoch), "it failed a proof and another begins")
			}
		case <-auths.C:
			a, err := s.askAuth(ctx)
			if err != nil {
				continue
			}
			if before, _ := s.surroundings.authAndRaft(); s.surroundings.authIs(a) {
				s.authChanged(before, a)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
