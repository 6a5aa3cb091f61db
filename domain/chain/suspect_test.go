package chain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// suspect marks what is above each of revisions.
func suspect(h *timeline.History, revisions ...int64) *timeline.History {
	for _, rev := range revisions {
		h.Suspects = append(h.Suspects, snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: h.Epoch, Last: rev})
	}
	return h
}

func TestCoverOfASuspectTimeline(t *testing.T) {
	windows := []object{full(0, 10), delta(11, 20), full(30, 40)} // 1–20 and 30–40
	for _, tc := range []struct {
		story         string
		marks         []int64
		suspect, good []chain.Range
	}{
		{"nothing failed a proof", nil, nil, ranges(1, 20, 30, 40)},
		{"good up to a revision", []int64{15}, ranges(16, 20, 30, 40), ranges(1, 15)},
		{"the lowest mark counts", []int64{12, 15}, ranges(13, 20, 30, 40), ranges(1, 12)},
		{"good up to a revision in a gap", []int64{25}, ranges(30, 40), ranges(1, 20)},
		{"nothing was ever proven", []int64{0}, ranges(1, 20, 30, 40), nil},
		{"good up to the end", []int64{40}, nil, ranges(1, 20, 30, 40)},
	} {
		t.Run(tc.story, func(t *testing.T) {
			cov := chain.Cover(suspect(catalogue(windows...), tc.marks...))
			if !slices.Equal(cov.Suspect, tc.suspect) || !slices.Equal(cov.Good(), tc.good) || !slices.Equal(cov.Windows, ranges(1, 20, 30, 40)) {
				t.Errorf("suspect %v, good %v, windows %v", cov.Suspect, cov.Good(), cov.Windows)
			}
			for rev := int64(1); rev <= 50; rev++ {
				if doubts := cov.Doubts(rev); doubts != slices.ContainsFunc(tc.suspect, func(r chain.Range) bool { return r.Contains(rev) }) {
					t.Errorf("revision %d: %v", rev, doubts)
				}
			}
		})
	}
}

func TestLocateRefusesWhatIsSuspect(t *testing.T) {
	// The first is good up to 25; the second begins with a full that holds what is above 35.
	doubted, next := suspect(catalogue(full(0, 10), delta(11, 40)), 25), catalogue(full(35, 41), delta(42, 50))
	both := bucket(doubted, next)
	first := bucket(suspect(catalogue(full(0, 10), delta(11, 40)), 25))
	lost := bucket(suspect(catalogue(full(20, 40)), 15))
	for _, tc := range []struct {
		story  string
		bucket *timeline.Catalogue
		epoch  int
		target int64
		at     int
		rev    int64 // 0: it is refused
		says   string
	}{
		{"a good revision of it", both, 0, 20, 1, 20, ""},
		{"the last good one", both, 0, 25, 1, 25, ""},
		{"the first that is not: the nearest good one is named", both, 0, 26, 0, 0, "restore revision 25"},
		{"a later full of the cluster holds the history of that one", both, 0, 38, 2, 38, ""},
		{"by name it is refused all the same", both, 1, 38, 0, 0, "above revision 25"},
		{"the latest is the next timeline's", both, 0, chain.Latest, 2, 50, ""},
		{"the latest of a suspect timeline is its last good one", both, 1, chain.Latest, 1, 25, ""},
		{"the same while no other follows", first, 0, chain.Latest, 1, 25, ""},
		{"nothing of it is good", lost, 0, chain.Latest, 0, 0, "choose another timeline"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			h, rev, err := chain.Locate(tc.bucket, tc.epoch, tc.target)
			if tc.rev == 0 {
				if fault.KindOf(err) != fault.Diverged || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "--allow-suspect") {
					t.Errorf("error = %v, want Diverged saying %q", err, tc.says)
				}
				if h, rev, err := chain.LocateSuspect(tc.bucket, tc.epoch, tc.target); err != nil || !chain.Cover(h).Contains(rev) {
					t.Errorf("who wants it all the same gets %v", err)
				}
				return
			}
			if err != nil || h.Epoch != tc.at || rev != tc.rev {
				t.Fatalf("Locate = %v %d, %v", h, rev, err)
			}
		})
	}
	if _, _, err := chain.Locate(both, 1, 99); fault.KindOf(err) != fault.NotFound {
		t.Errorf("what nothing holds is %v", err)
	}
}
