package backup

import (
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// The catalogue is read after a full, while deltas are being stored. One that
// came too late for the listing must not make a hole in what is known.
func TestWhatIsStoredDuringAListingCounts(t *testing.T) {
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	ref := func(kind snapshot.Kind, first, last int64) snapshot.Ref {
		return snapshot.Ref{Kind: kind, Epoch: 1, First: first, Last: last, At: now}
	}
	delta := func(first, last int64) ports.SealedDelta {
		return ports.SealedDelta{Ref: ref(snapshot.KindDelta, first, last), Size: 10}
	}
	s := NewState()
	s.begin()
	s.began(1, 1)
	s.storedFull(ref(snapshot.KindFull, 0, 1), now)
	s.lists()
	listed := &timeline.History{Timeline: timeline.Timeline{Epoch: 1, First: 2},
		Fulls: []timeline.Full{{Ref: ref(snapshot.KindFull, 0, 1), Finished: true}}}
	s.stored(delta(2, 2), 0, now)
	s.catalogued(listed)
	if got := s.Backup(); got.Durable != 2 || got.LastDelta == nil || got.LastDelta.Last != 2 {
		t.Errorf("durable up to %d, newest delta %+v", got.Durable, got.LastDelta)
	}
	s.stored(delta(3, 90), 0, now)
	if got := s.Backup(); got.Durable != 90 || len(got.Windows) != 1 || got.Windows[0].Last != 90 {
		t.Errorf("durable up to %d: %v", got.Durable, got.Windows)
	}

	// What was stored in a timeline that was left says nothing of the new one.
	s.lists()
	s.stored(delta(91, 95), 0, now)
	next := *listed
	next.Epoch, next.Fulls = 2, nil
	s.catalogued(&next)
	if got := s.Backup(); got.Durable != 0 || len(got.Windows) != 0 {
		t.Errorf("durable up to %d in a new timeline: %v", got.Durable, got.Windows)
	}
}
