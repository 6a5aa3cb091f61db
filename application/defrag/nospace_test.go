package defrag_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/defrag"
	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/event"
)

func TestOutOfSpace(t *testing.T) {
	const done = "store, busy m1, defrag m1, free m1, busy m3, defrag m3, free m3, busy m2, defrag m2, free m2"
	for _, tc := range []struct {
		name  string
		off   bool
		world func(w *world)
		story string // of the first ten minutes
		says  string // in the outcome or about the alarm
	}{
		{name: "stored first, then defragmented, then disarmed", story: done + ", disarm m1", says: "was disarmed"},
		{name: "not unless it is wanted", off: true},
		{name: "not before it is stored", world: func(w *world) { w.storeErr = errors.New("the store is away") }, story: "store", says: "the store is away"},
		{name: "not while one is nearly full", world: func(w *world) { w.members[0].Status.DBInUse, w.members[0].Status.DBSize = 900<<20, 990<<20 },
			story: done, says: "m1 uses 90 %"},
		{name: "whoever has nothing to give back is left alone", world: func(w *world) { w.members[0].Status.DBSize = w.members[0].Status.DBInUse },
			story: "store, busy m3, defrag m3, free m3, busy m2, defrag m2, free m2, disarm m1", says: "was disarmed"},
		{name: "one fails", world: func(w *world) { w.fails[1] = errors.New("disk full") }, story: "store, busy m1, defrag m1, free m1", says: "disk full"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.alarms = []cluster.Alarm{{Member: 1, Kind: "NOSPACE"}, {Member: 3, Kind: "OTHER"}}
				for i := range w.members {
					w.members[i].Status.Errors = []string{"memberID:1 alarm:NOSPACE"}
				}
				if tc.world != nil {
					tc.world(w)
				}
				d := w.duty(func(c *defrag.Config) { c.NoSpace = !tc.off })
				stop := lead(t, d)
				defer stop()
				time.Sleep(10 * time.Minute)
				if got := w.story(); got != tc.story {
					t.Errorf("did %q\nwant %q", got, tc.story)
				}
				if tc.off {
					return
				}
				run := d.Overview().Runs[0]
				if said := run.Reason + strings.Join(run.Alarms, "; "); !strings.Contains(said, tc.says) {
					t.Errorf("%q does not say %q", said, tc.says)
				}
				disarmed := strings.Contains(tc.story, "disarm")
				if w.told(event.AlarmDisarmed, "member 1") != disarmed {
					t.Error("the event is not what was done")
				}
				if !disarmed && run.Outcome == rule.Done && !w.told(event.AlarmStays, tc.says) {
					t.Error("nobody was told why the alarm stays")
				}
				// What stays full is tried again, though not all the time.
				time.Sleep(rule.NoSpaceAgain)
				if again := strings.Count(w.story(), "store") == 2; again == disarmed {
					t.Errorf("half an hour later: %q", w.story())
				}
			})
		})
	}
}

// Once something was compacted, a cluster that takes no writes does not wait for
// half an hour.
func TestOutOfSpaceUntilSomethingIsCompacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.alarms = []cluster.Alarm{{Member: 1, Kind: "NOSPACE"}}
		inUse := func(bytes int64) {
			w.with(func() {
				for i := range w.members {
					w.members[i].Status.Errors = []string{"memberID:1 alarm:NOSPACE"}
					w.members[i].Status.DBSize, w.members[i].Status.DBInUse = 990<<20, bytes
				}
			})
		}
		inUse(990 << 20)
		d := w.duty(func(c *defrag.Config) { c.NoSpace = true })
		stop := lead(t, d)
		defer stop()
		time.Sleep(5 * time.Minute)
		if got := w.story(); got != "store" || !w.told(event.AlarmStays, "99 %") {
			t.Fatalf("did %q", got)
		}
		inUse(100 << 20)
		time.Sleep(time.Minute)
		if got := w.story(); !strings.HasSuffix(got, "disarm m1") {
			t.Errorf("a minute after a compaction: %q", got)
		}
	})
}
