package differential

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
)

// replay names one case to run instead of all, as a failure prints it.
const replay = "REVKEEPER_DIFFERENTIAL"

// One program in each version would take too long here; the others are in the
// extended tests.
func TestWhatIsRestoredIsWhatTheSourceHad(t *testing.T) {
	differential(t, Case{Version: "etcd37", Members: 1, Operations: 1000, Samples: 6, Seed: 4711})
}

func differential(t *testing.T, cases ...Case) {
	if text := os.Getenv(replay); text != "" {
		c, err := ParseCase(text)
		if err != nil {
			t.Fatal(err)
		}
		cases = []Case{c}
	}
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("replay with %s=%s go test -race -count=1 -run ^TestWhatIsRestoredIsWhatTheSourceHad$ ./tests/differential", replay, c)
				}
			})
			c.run(t)
		})
	}
}

func (c Case) run(t *testing.T) {
	s := start(t, c)
	s.run(c.Script())
	catalogue := s.catalogue()
	for _, h := range catalogue.Timelines[1:] { // nothing that happened breaks the history
		t.Errorf("another timeline began at revision %d: %s", h.First, h.Reason)
	}
	guessed := 0
	for _, x := range s.samples {
		t.Run(fmt.Sprint(x.revision), func(t *testing.T) { // its etcd ends with it
			differences, res := s.check(t, c.Version, x)
			guessed += res.Finished.LeasesDefaulted
			for _, d := range differences {
				t.Errorf("revision %d, after step %d, from %s:\n%s", x.revision, x.step, describe(res), d)
			}
		})
	}
	h := catalogue.Timelines[0]
	t.Logf("%s: %d revisions restored and compared, of %d records in %d fulls, %d of them built, and %d deltas, %d others rolled up; the source is compacted at %d of %d; %d times a lease had gone before anybody asked for its TTL",
		c, len(s.samples), len(s.book.entries), len(h.Fulls), s.built, len(h.Deltas), s.rolledUp, s.compacted, s.samples[len(s.samples)-1].revision, guessed)
}

// fresh is a seed that nobody tried.
func fresh() uint64 { return rand.Uint64N(1_000_000_000) }

func TestAScriptFollowsFromItsSeed(t *testing.T) {
	c := Case{Version: "etcd37", Members: 3, Operations: 500, Samples: 5, Seed: 9}
	script := c.Script()
	if !reflect.DeepEqual(script, c.Script()) {
		t.Error("one seed, two scripts")
	}
	seen := map[Event]int{}
	for _, s := range script {
		seen[s.Event]++
	}
	if seen[""] != c.Operations || seen[Sample] != c.Samples || seen[Begin] != 1 {
		t.Errorf("%v", seen)
	}
	for _, e := range []Event{Compact, Full, Tidy, Takeover, Move, Crash, Return} {
		if seen[e] == 0 {
			t.Errorf("never: %s", e)
		}
	}
	c.Seed++
	if reflect.DeepEqual(script, c.Script()) {
		t.Error("two seeds, one script")
	}
	c.Members = 1
	for _, s := range c.Script() {
		if s.Event == Move || s.Event == Crash {
			t.Fatalf("%s of a single member", s.Event)
		}
	}
}

func TestACaseIsReadAsItIsWritten(t *testing.T) {
	c := Case{Version: "etcd36", Members: 3, Operations: 20000, Samples: 20, Seed: 12345678901234567890}
	if got, err := ParseCase(c.String()); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseCase("etcd37/1"); err == nil {
		t.Error("half a case was taken")
	}
}
