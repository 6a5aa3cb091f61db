package chain_test

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
)

func TestWhatLiesBeyondTheLatest(t *testing.T) {
	whole := catalogue(full(0, 10), delta(11, 20))
	for _, tc := range []struct {
		story     string
		histories []object // of the newest timeline
		mark      int64    // up to which it is good; 0 for all of it
		before    bool     // a whole timeline lies before it
		want      string
	}{
		{"everything that is stored can be restored", []object{full(0, 10), delta(11, 20)}, 0, true, ""},
		{"a delta is missing",
			[]object{full(0, 10), delta(11, 20), delta(31, 40), delta(41, 45)}, 0, false,
			"revision 20 of timeline 1 is not the last that is stored: left out are revisions 31–45 of timeline 1, to which nothing leads: 21–30 cannot be had"},
		{"a gap that a full lies behind is not beyond the latest",
			[]object{full(0, 10), full(30, 40), delta(41, 45)}, 0, false, ""},
		{"the next timeline has no full yet",
			[]object{delta(101, 120)}, 0, true,
			"revision 20 of timeline 1 is not the last that is stored: left out are revisions 101–120 of timeline 2, to which no full leads"},
		{"the next timeline, of a cluster that was set back, has none either",
			[]object{delta(11, 15)}, 0, true,
			"revision 20 of timeline 1 is not the last that is stored: left out are revisions 11–15 of timeline 2, to which no full leads"},
		{"what follows is suspect",
			[]object{full(0, 10), delta(11, 20)}, 15, false,
			"revision 15 of timeline 1 is not the last that is stored: left out are revisions 16–20 of timeline 1, which failed a proof"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			newest := catalogue(tc.histories...)
			if tc.mark != 0 {
				suspect(newest, tc.mark)
			}
			c := bucket(newest)
			if tc.before {
				c = bucket(whole, newest)
			}
			h, latest, err := chain.Locate(c, 0, chain.Latest)
			if err != nil {
				t.Fatal(err)
			}
			if got := chain.Beyond(c, h.Epoch, latest); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
	t.Run("what an older timeline lacks is not beyond it", func(t *testing.T) {
		older := catalogue(full(0, 10), delta(31, 40))
		if got := chain.Beyond(bucket(older, whole), 2, 20); got != "" {
			t.Error(got)
		}
	})
}
