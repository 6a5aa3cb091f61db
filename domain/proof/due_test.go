package proof_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/proof"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestWhatToAskFor(t *testing.T) {
	rule := proof.Rule{Settle: time.Minute, Again: 10 * time.Second, ScanAfter: 6 * time.Hour}
	// A timeline that is restorable from 100 to 200, compacted at 150 five minutes ago.
	compacted := func(change func(*proof.Known)) proof.Known {
		k := proof.Known{Windows: []chain.Range{{First: 100, Last: 200}}, Compact: 150, Noticed: noon.Add(-5 * time.Minute), Proven: noon.Add(-time.Hour)}
		change(&k)
		return k
	}
	for _, tc := range []struct {
		story    string
		known    proof.Known
		act      proof.Act
		revision int64
		says     string
	}{
		{"nothing is stored yet", proof.Known{Compact: 150}, proof.Wait, 0, "nothing can be restored"},
		{"etcd was compacted: its hash costs nothing", compacted(func(*proof.Known) {}), proof.AskKept, 150, "compacted at 150"},
		{"just now: the members may still be at it, and would have to scan", compacted(func(k *proof.Known) { k.Noticed = noon.Add(-59 * time.Second) }), proof.Wait, 0, "less than 1m0s ago"},
		{"at the end of that minute", compacted(func(k *proof.Known) { k.Noticed = noon.Add(-time.Minute) }), proof.AskKept, 150, ""},
		{"the compaction was dealt with", compacted(func(k *proof.Known) { k.Done = 150 }), proof.Wait, 0, "younger than 6h"},
		{"a newer one was not", compacted(func(k *proof.Known) { k.Done = 140 }), proof.AskKept, 150, ""},
		{"the store is not there yet", compacted(func(k *proof.Known) { k.Windows[0].Last = 149 }), proof.Wait, 0, "the store is at 149"},
		{"compacted at the newest stored revision", compacted(func(k *proof.Known) { k.Windows[0].Last = 150 }), proof.AskKept, 150, ""},
		{"compacted below all that is stored: it would prove nothing here", compacted(func(k *proof.Known) { k.Compact = 99 }), proof.Wait, 0, "younger than 6h"},
		{"compacted inside a gap of the store", compacted(func(k *proof.Known) { k.Windows = []chain.Range{{First: 100, Last: 120}, {First: 160, Last: 200}} }), proof.Wait, 0, "younger than 6h"},
		{"nobody answered a moment ago", compacted(func(k *proof.Known) { k.Tried, k.TriedAt = 1, noon.Add(-5*time.Second) }), proof.Wait, 0, "a moment ago"},
		{"nobody answered about another a moment ago", compacted(func(k *proof.Known) { k.TriedAt = noon.Add(-5 * time.Second) }), proof.AskKept, 150, ""},
		{"nobody answered before", compacted(func(k *proof.Known) { k.Tried, k.TriedAt = 1, noon.Add(-10*time.Second) }), proof.AskKept, 150, ""},

		{"no proof for hours: a follower scans, at the newest stored revision", compacted(func(k *proof.Known) { k.Done, k.Proven = 150, noon.Add(-6*time.Hour) }), proof.Scan, 200, "no proof came for 6h"},
		{"nothing was written since the newest proof", compacted(func(k *proof.Known) { k.Done, k.Proven, k.UpTo = 150, noon.Add(-60*time.Hour), 200 }), proof.Wait, 0, "200 is proven"},
		{"one revision was", compacted(func(k *proof.Known) { k.Done, k.Proven, k.UpTo = 150, noon.Add(-60*time.Hour), 199 }), proof.Scan, 200, ""},
		{"a compaction comes before a scan", compacted(func(k *proof.Known) { k.Proven = noon.Add(-6 * time.Hour) }), proof.AskKept, 150, ""},
		{"a scan gave nothing a moment ago", compacted(func(k *proof.Known) {
			k.Done, k.Proven, k.Scanned = 150, noon.Add(-7*time.Hour), noon.Add(-9*time.Minute)
		}), proof.Wait, 0, "gave no proof"},
		{"and is tried again in time", compacted(func(k *proof.Known) {
			k.Done, k.Proven, k.Scanned = 150, noon.Add(-7*time.Hour), noon.Add(-10*time.Minute)
		}), proof.Scan, 200, ""},
		{"while the members disagree nobody scans", compacted(func(k *proof.Known) {
			k.Done, k.Proven, k.Differ = 150, noon.Add(-7*time.Hour), true
		}), proof.Wait, 0, "disagree"},
		{"but compactions are compared all the same", compacted(func(k *proof.Known) { k.Differ = true }), proof.AskKept, 150, ""},
	} {
		t.Run(tc.story, func(t *testing.T) {
			got := rule.Next(tc.known, noon)
			if got.Act != tc.act || got.Revision != tc.revision || !strings.Contains(got.Reason, tc.says) || got.Reason == "" {
				t.Errorf("Next = %+v", got)
			}
		})
	}
	if got := (proof.Rule{}).Next(compacted(func(k *proof.Known) { k.Done, k.Proven = 150, time.Time{} }), noon); got.Act != proof.Wait {
		t.Errorf("scans are off, and yet %+v", got)
	}
}

func TestCompactionsThatAreNoticed(t *testing.T) {
	var k proof.Known
	for _, tc := range []struct {
		story   string
		compact int64
		after   time.Duration // since noon
		done    int64         // what was dealt with by then
		want    int64         // what is asked about next
	}{
		{"never compacted", 0, 0, 0, 0},
		{"the first", 100, time.Second, 0, 100},
		{"the same again", 100, 30 * time.Second, 0, 100},
		{"a newer one, while the first is still to be asked about", 120, 40 * time.Second, 0, 100},
		{"the first was dealt with: the newest is next", 140, 70 * time.Second, 100, 140},
		{"that cannot be asked about for long: so is the one after it", 160, 70*time.Second + 10*time.Minute, 100, 160},
		{"a member that lags behind", 130, 81*time.Second + 30*time.Minute, 160, 160},
	} {
		k.Done = tc.done
		before := k.Compact
		if took := k.Notice(tc.compact, noon.Add(tc.after)); k.Compact != tc.want || took != (before != tc.want) {
			t.Errorf("%s: %d (%v), want %d", tc.story, k.Compact, took, tc.want)
		}
	}
}

func TestRulesThatAreWrong(t *testing.T) {
	for _, tc := range []struct {
		rule proof.Rule
		keys string
	}{
		{proof.Rule{Settle: time.Minute, ScanAfter: 6 * time.Hour}, ""},
		{proof.Rule{}, ""},
		{proof.Rule{ScanAfter: 10 * time.Minute}, ""},
		{proof.Rule{Settle: -1}, "settle"},
		{proof.Rule{ScanAfter: time.Minute}, "scanAfter"},
		{proof.Rule{ScanAfter: -time.Hour}, "scanAfter"},
	} {
		var keys []string
		for _, p := range tc.rule.Validate() {
			keys = append(keys, p.Key)
		}
		if strings.Join(keys, ",") != tc.keys {
			t.Errorf("%+v: %v, want %s", tc.rule, keys, tc.keys)
		}
	}
}
