package chain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// bucket numbers timelines from 1.
func bucket(histories ...*timeline.History) *timeline.Catalogue {
	c := &timeline.Catalogue{}
	for i, h := range histories {
		h.Epoch = i + 1
		c.Timelines = append(c.Timelines, *h)
	}
	return c
}

func TestRevisionsAreKeptOnlyWhereNoneAreLater(t *testing.T) {
	restored := bucket(catalogue(full(0, 10), delta(11, 40)), catalogue(full(15, 20), delta(21, 30)))
	for _, tc := range []struct {
		name   string
		target int64
		force  bool
		ok     bool
	}{
		{"the newest of all", 40, false, true},
		{"the newest of its timeline, not of the bucket", 30, false, false},
		{"one before the newest", 39, false, false},
		{"one before the newest, by force", 39, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := chain.Keep(restored, tc.target, tc.force)
			if (err == nil) != tc.ok || err != nil && (fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "up to 40")) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	// The second was restored at 15 and went its own way; the base of the third is pending.
	three := bucket(
		catalogue(full(0, 10), delta(11, 40)),
		catalogue(full(15, 20), delta(21, 30)),
		catalogue(delta(31, 35)))
	for _, tc := range []struct {
		name   string
		bucket *timeline.Catalogue
		epoch  int
		target int64
		at     int
		rev    int64 // 0: not found
		says   string
	}{
		{"the newest point of the newest timeline that has one", three, 0, chain.Latest, 2, 30, ""},
		{"a revision that two timelines hold is the newer one's", three, 0, 25, 2, 25, ""},
		{"a revision that only the older one holds", three, 0, 12, 1, 12, ""},
		{"the older timeline by name", three, 1, 25, 1, 25, ""},
		{"its newest point", three, 1, chain.Latest, 1, 40, ""},
		{"the named timeline has no base", three, 3, chain.Latest, 0, 0, "no finished full"},
		{"the named timeline does not reach there", three, 2, 12, 0, 0, "restorable: 15–30"},
		{"no such timeline", three, 4, chain.Latest, 0, 0, "no such timeline"},
		{"no timeline reaches there", three, 0, 99, 0, 0, "revision 99"},
		{"an empty bucket", bucket(), 0, chain.Latest, 0, 0, "no backup"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, rev, err := chain.Locate(tc.bucket, tc.epoch, tc.target)
			if tc.rev == 0 {
				if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error = %v, want NotFound saying %q", err, tc.says)
				}
				return
			}
			if err != nil || h.Epoch != tc.at || rev != tc.rev {
				t.Fatalf("Locate = %v %d, %v", h, rev, err)
			}
			if _, err := chain.Plan(h, rev, nil); err != nil {
				t.Errorf("what was located cannot be planned: %v", err)
			}
		})
	}
}

func TestBumpTo(t *testing.T) {
	c := bucket(catalogue(full(0, 10), delta(11, 40)), catalogue(full(15, 20)))
	for _, tc := range []struct {
		name              string
		seen, target, top int64
	}{
		{"above the largest revision of any timeline", 0, 18, 40},
		{"above what the operator saw", 77, 18, 77},
		{"above what is restored from elsewhere", 0, 90, 90},
	} {
		if got, err := chain.BumpTo(c, 0, tc.seen, tc.target); err != nil || got != tc.top+chain.BumpDistance {
			t.Errorf("%s: %d, %v", tc.name, got, err)
		}
	}
	if got, err := chain.BumpTo(c, 41, 0, 18); err != nil || got != 41 {
		t.Errorf("a revision that was fixed for all members: %d, %v", got, err)
	}
	if _, err := chain.BumpTo(c, 40, 0, 18); !errors.Is(err, fault.Invalid) {
		t.Errorf("a fixed revision that clients may have seen: %v", err)
	}
}
