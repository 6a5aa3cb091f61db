package chain_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func after(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// sealed is a delta that was sealed some seconds after noon.
func sealed(seconds int, first, last int64) object {
	o := delta(first, last)
	o.ref.At = after(seconds)
	return o
}

// frame is a run of changes up to a revision, written between two instants.
func frame(revision int64, notBefore, notAfter int) snapshot.Instant {
	return snapshot.Instant{Revision: revision, NotBefore: after(notBefore), NotAfter: after(notAfter)}
}

// search looks for an instant and returns how many deltas it had to read.
func search(h *timeline.History, at time.Time, frames map[int64][]snapshot.Instant) (chain.Moment, int, error) {
	s, read := chain.NewMomentSearch(h, at), 0
	for batch := s.Next(2); len(batch) > 0; batch = s.Next(2) {
		for _, d := range batch {
			read++
			s.Learn(frames[d.Last])
		}
	}
	m, err := s.Result()
	return m, read, err
}

func TestMoment(t *testing.T) {
	proof := func(revision int64, seconds int) object {
		return object{ref: snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: revision, At: after(seconds)}}
	}
	hours := 3600
	for _, tc := range []struct {
		name     string
		objects  []object
		frames   map[int64][]snapshot.Instant
		at       int
		revision int64
		highest  int64
		ends     bool
		read     int
	}{
		{"after everything that is stored", []object{full(0, 10), sealed(5, 11, 20)}, nil, 9, 20, 20, true, 0},
		{"in the pause between two deltas", []object{full(0, 10), sealed(5, 11, 20), sealed(15, 21, 30)},
			map[int64][]snapshot.Instant{30: {frame(30, 12, 14)}}, 9, 20, 20, false, 1},
		{"while a run of changes was written", []object{full(0, 10), sealed(5, 11, 20), sealed(15, 21, 30)},
			map[int64][]snapshot.Instant{30: {frame(30, 7, 14)}}, 9, 20, 30, false, 1},
		{"inside a delta of several frames", []object{full(0, 10), sealed(15, 11, 40)},
			map[int64][]snapshot.Instant{40: {frame(20, 0, 6), frame(30, 5, 11), frame(40, 10, 14)}}, 9, 20, 30, false, 1},
		{"deltas were rolled into one long after", []object{full(0, 10), sealed(1000, 11, 40)},
			map[int64][]snapshot.Instant{40: {frame(20, 0, 6), frame(40, 10, 14)}}, 9, 20, 20, false, 1},
		{"a full's revision was hashed by then", []object{full(0, 10), proof(10, 3), sealed(15, 11, 20)},
			map[int64][]snapshot.Instant{20: {frame(20, 8, 14)}}, 5, 10, 10, false, 1},
		{"it was hashed at that instant", []object{full(0, 10), proof(10, 5), sealed(15, 11, 20)},
			map[int64][]snapshot.Instant{20: {frame(20, 8, 14)}}, 5, 10, 10, false, 1},
		{"a revision that was hashed later tells nothing", []object{full(0, 10), proof(20, 16), sealed(15, 11, 20)},
			map[int64][]snapshot.Instant{20: {frame(15, 1, 4), frame(20, 8, 14)}}, 5, 15, 15, false, 1},
		{"at the instant that a delta was sealed", []object{full(0, 10), sealed(5, 11, 20)}, nil, 5, 20, 20, true, 0},
		{"a roll-up and a delta that it holds", []object{full(0, 10), sealed(5, 11, 40), sealed(5, 11, 20)}, nil, 9, 40, 40, true, 0},
		{"deltas that tell no times end no search", []object{full(0, 10), sealed(100, 11, 20), sealed(100, 21, 30), sealed(100, 31, 40)},
			map[int64][]snapshot.Instant{40: {frame(40, 1, 4)}}, 9, 40, 40, true, 3},
		{"the next leader's clock is behind", []object{full(0, 10), sealed(1805, 11, 20), sealed(15, 21, 30)},
			map[int64][]snapshot.Instant{20: {frame(20, 1800, 1804)}}, 20, 30, 30, true, 0},
		{"what follows is later by more than clocks differ",
			[]object{full(0, 10), sealed(5, 11, 20), sealed(2*hours, 21, 30), sealed(2*hours+5, 31, 40), sealed(2*hours+9, 41, 50), sealed(2*hours+12, 51, 60)},
			map[int64][]snapshot.Instant{30: {frame(30, 2*hours-4, 2*hours)}, 40: {frame(40, 2*hours, 2*hours+4)}}, 9, 20, 20, false, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, read, err := search(catalogue(tc.objects...), after(tc.at), tc.frames)
			if err != nil {
				t.Fatal(err)
			}
			if m.Revision != tc.revision || m.Highest != tc.highest || m.Ends != tc.ends || m.Epoch != 1 {
				t.Errorf("%+v", m)
			}
			if (m.Highest > m.Revision) != strings.Contains(m.String(), "may have been") {
				t.Errorf("it says %q", m)
			}
			if read != tc.read {
				t.Errorf("%d deltas were read, want %d", read, tc.read)
			}
			if m.String() == "" || m.Ends != strings.Contains(m.String(), "nothing later") {
				t.Errorf("it says %q", m)
			}
		})
	}
}

func TestMomentBeforeEverything(t *testing.T) {
	h := catalogue(full(0, 10), sealed(5, 11, 20))
	if m, _, err := search(h, after(-9), map[int64][]snapshot.Instant{20: {frame(20, 1, 4)}}); !errors.Is(err, fault.NotFound) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestLocateMoment(t *testing.T) {
	began := func(epoch int, seconds int) timeline.History {
		h := *catalogue(full(0, 10))
		h.Epoch, h.BeganAt = epoch, after(seconds)
		return h
	}
	bare := *catalogue(full(0, 10), sealed(-5, 1, 5), sealed(3, 6, 11)) // its full is of noon
	bare.Epoch, bare.Described = 1, false
	empty := timeline.History{Timeline: timeline.Timeline{Epoch: 4}}
	c := timeline.Catalogue{Timelines: []timeline.History{bare, began(2, 10), began(3, 20), empty}}
	for _, tc := range []struct {
		name         string
		epoch, at    int
		want         int // 0: not found
		mentionsTime bool
	}{
		{"the newest goes on for ever", 0, 1000, 3, false},
		{"at the instant it began", 0, 20, 3, false},
		{"while the one before was written", 0, 19, 2, false},
		{"one without a description began with its first object", 0, -5, 1, false},
		{"before all of them", 0, -6, 0, true},
		{"one that is named", 1, 1000, 1, false},
		{"one that does not exist", 7, 1000, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, err := chain.LocateMoment(&c, tc.epoch, after(tc.at))
			if tc.want == 0 {
				if !errors.Is(err, fault.NotFound) || tc.mentionsTime != strings.Contains(err.Error(), "began at 2026-03-01T11:59:55Z") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || h.Epoch != tc.want {
				t.Errorf("%v, %v", h, err)
			}
		})
	}
	timeless := timeline.Catalogue{Timelines: []timeline.History{began(1, 10), empty}}
	for _, epoch := range []int{0, 1} {
		if _, err := chain.LocateMoment(&timeless, epoch, after(1000)); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "do not say when") {
			t.Errorf("fulls alone, timeline %d: %v", epoch, err)
		}
	}
	if _, err := chain.LocateMoment(&timeline.Catalogue{}, 0, noon); !errors.Is(err, fault.NotFound) {
		t.Errorf("an empty bucket: %v", err)
	}
}

// Whatever was stored when, the search finds what reading every delta would.
func TestMomentIsWhatReadingAllFinds(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		objects, frames := []object{full(0, 10)}, map[int64][]snapshot.Instant{}
		rev, clock := int64(10), 0
		for range 1 + rng.IntN(20) {
			first := rev + 1
			var own []snapshot.Instant
			clock += rng.IntN(400) - 60 // another leader's clock may be behind
			for range 1 + rng.IntN(3) {
				rev += 1 + rng.Int64N(5)
				begins := clock
				clock += rng.IntN(30)
				own = append(own, frame(rev, begins, clock))
			}
			end := clock
			if rng.IntN(4) == 0 {
				end += 10_000 // it was rolled up later
			}
			objects, frames[rev] = append(objects, sealed(end, first, rev)), own
		}
		at := rng.IntN(clock+600) - 100
		want := chain.Moment{}
		for _, own := range frames {
			for _, f := range own {
				if !f.NotAfter.After(after(at)) {
					want.Revision = max(want.Revision, f.Revision)
				}
				if !f.NotBefore.After(after(at)) {
					want.Highest = max(want.Highest, f.Revision)
				}
			}
		}
		m, _, err := search(catalogue(objects...), after(at), frames)
		if (err != nil) != (want.Revision == 0) {
			t.Fatalf("seed %d: %v, want %d", seed, err, want.Revision)
		}
		if err == nil && (m.Revision != want.Revision || m.Highest != max(want.Highest, want.Revision)) {
			t.Fatalf("seed %d: %+v, reading all gives %d to %d", seed, m, want.Revision, want.Highest)
		}
	}
}
