package backup

import (
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// State is how the backup is, for those who ask. It is safe for concurrent use
// and outlives the duty: a follower keeps it up to date by looking at the store.
type State struct {
	mu      sync.Mutex
	backup  health.Backup
	windows []chain.Range
	running bool
	ended   chan struct{} // closed when the duty that runs has ended; nil before the first
	deltas  int64         // stored bytes of deltas since the catalogue was last read
	heads   []head        // the cluster's revisions that were not all stored when it was asked, oldest first
	listing bool          // the catalogue is being read
	since   []chain.Range // deltas that were stored since that began: it may lack them
	compact int64         // newest compact revision that this Run heard of
	heard   bool          // it asked for one
}

// head says that the cluster was at revision when it was asked.
type head struct {
	revision int64
	asked    time.Time
}

// headsKept bounds what is remembered while the store is away; the oldest tell
// first that it is back.
const headsKept = 256

// NewState returns a State that knows nothing.
func NewState() *State { return &State{} }

// Backup returns a copy.
func (s *State) Backup() health.Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backup
	b.Windows = append([]chain.Range(nil), s.windows...)
	return b
}

// Running reports whether this sidecar is backing up.
func (s *State) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// ending returns a channel that is closed when the duty that runs now has ended;
// false if none runs.
func (s *State) ending() (<-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended, s.running
}

// Look takes over what a listing of the store shows, or why there is none. live
// is the revision that the own member was at when it answered at the given time;
// a zero time says that it does not answer now. A duty that runs knows better;
// then Look does nothing.
func (s *State) Look(c timeline.Catalogue, err error, live int64, at time.Time) {
	if s.Running() {
		return
	}
	if err != nil {
		s.failed(err, time.Now())
		return
	}
	h := c.Newest()
	if h == nil {
		return
	}
	s.catalogued(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backup.Live = max(live, s.backup.Durable)
	if !at.IsZero() && len(s.heads) < headsKept {
		s.heads = append(s.heads, head{live, at})
	}
	s.catchUp()
}

// Compaction returns the newest compact revision that the backup heard of since it
// began to run, 0 for none; false before it asked.
func (s *State) Compaction() (revision int64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compact, s.heard
}

func (s *State) compacted(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compact, s.heard = max(s.compact, revision), true
}

func (s *State) update(f func(b *health.Backup)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.backup)
}

func (s *State) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.deltas, s.heads = true, 0, nil
	s.compact, s.heard = 0, false
	s.ended = make(chan struct{})
}

func (s *State) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	close(s.ended)
	s.backup.Phase, s.backup.SpillBytes = "", 0
}

func (s *State) phase(p string) { s.update(func(b *health.Backup) { b.Phase = p }) }

func (s *State) failed(err error, at time.Time) {
	if err == nil {
		return
	}
	s.update(func(b *health.Backup) { b.LastError, b.LastErrorAt = err.Error(), at })
}

// lists notes that the catalogue is about to be read. What is stored from now on
// may be missing in it.
func (s *State) lists() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing, s.since = true, nil
}

// catalogued takes over the newest timeline of a listing.
func (s *State) catalogued(h *timeline.History) {
	cov := chain.Cover(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.windows, s.deltas = cov.Windows, 0
	if h.Epoch == s.backup.Epoch {
		for _, stored := range s.since {
			s.windows = chain.Extend(s.windows, stored)
		}
	}
	s.listing, s.since = false, nil
	last := s.backup.LastDelta
	s.backup.Epoch = h.Epoch
	if f := h.NewestFull(); f != nil {
		ref := f.Ref
		s.backup.LastFull = &ref
	}
	if d := h.NewestDelta(); d != nil && (last == nil || last.Epoch != h.Epoch || last.Last <= d.Last) {
		ref := d.Ref
		s.backup.LastDelta = &ref
		s.backup.DurableAt = ref.At
	}
	// What only a missing full leads up to cannot be restored, and what cannot be
	// restored is not durable.
	s.backup.Durable, _ = chain.Coverage{Windows: s.windows}.Newest()
}

// Shrunk takes over what can still be restored after objects were deleted, from a
// listing. What was stored since then continues the newest window.
func (s *State) Shrunk(c timeline.Catalogue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := c.Find(s.backup.Epoch)
	if h == nil {
		return
	}
	windows := chain.Cover(h).Windows
	n, before := len(windows), len(s.windows)
	if n > 0 && before > 0 && s.windows[before-1].Contains(windows[n-1].Last) {
		windows[n-1].Last = s.windows[before-1].Last
	}
	s.windows = windows
	s.backup.Durable, _ = chain.Coverage{Windows: windows}.Newest()
}

// waits notes how many bytes wait for the store.
func (s *State) waits(bytes int64) { s.update(func(b *health.Backup) { b.SpillBytes = bytes }) }

func (s *State) stored(d ports.SealedDelta, waiting int64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref := d.Ref
	s.backup.SpillBytes = waiting
	if ref.Epoch != s.backup.Epoch {
		return // of a timeline that was left: it says nothing of the new one
	}
	s.backup.LastDelta, s.backup.DurableAt = &ref, at
	s.backup.Live = max(s.backup.Live, ref.Last)
	s.deltas += d.Size
	stored := chain.Range{First: ref.First, Last: ref.Last}
	if s.listing {
		s.since = append(s.since, stored)
	}
	s.windows = chain.Extend(s.windows, stored)
	s.backup.Durable, _ = chain.Coverage{Windows: s.windows}.Newest()
	s.catchUp()
}

// began notes that a timeline begins of which nothing is stored yet. The
// cluster may be at a lower revision than before.
func (s *State) began(epoch int, live int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.windows, s.deltas, s.heads = nil, 0, nil
	s.backup.Epoch, s.backup.Live, s.backup.Durable = epoch, live, 0
	s.backup.LastFull, s.backup.LastDelta = nil, nil
}

func (s *State) storedFull(ref snapshot.Ref, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backup.LastFull, s.backup.DurableAt, s.deltas = &ref, at, 0
	if window := (chain.Range{First: max(ref.First, 1), Last: ref.Last}); len(s.windows) == 0 {
		s.windows = []chain.Range{window}
	} else {
		s.windows = chain.Extend(s.windows, window)
	}
	s.backup.Durable, _ = chain.Coverage{Windows: s.windows}.Newest()
	s.catchUp()
}

// builtFull notes a full that was made of what is stored: nothing became durable
// by it, but the chain is shorter.
func (s *State) builtFull(ref snapshot.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backup.LastFull, s.deltas = &ref, 0
}

// live notes that the cluster was at revision when it was asked.
func (s *State) live(revision int64, asked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backup.Live = max(s.backup.Live, revision)
	if len(s.heads) < headsKept {
		s.heads = append(s.heads, head{revision, asked})
	}
	s.catchUp()
}

// catchUp notes the newest instant at which everything that the cluster had is
// in the store by now. The caller holds mu.
func (s *State) catchUp() {
	for len(s.heads) > 0 && s.heads[0].revision <= s.backup.Durable {
		s.backup.CaughtUpAt = s.heads[0].asked
		s.heads = s.heads[1:]
	}
}

func (s *State) sinceFull() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deltas
}
