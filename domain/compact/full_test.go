package compact_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/restore"
)

func TestAFullIsDue(t *testing.T) {
	const mib = 1 << 20
	rates := restore.Rates{Base: 100 * mib, Deltas: 10 * mib}
	for _, tc := range []struct {
		name   string
		rule   compact.Full
		base   int64 // bytes
		deltas []int64
		due    bool
		why    string
	}{
		{"nothing follows the full", compact.Full{Bytes: mib, Revisions: 1, TargetRTO: 1}, mib, nil, false, "no delta follows"},
		{"nobody asked for any", compact.Full{}, mib, []int64{900 * mib}, false, "would take about 1m30"},
		{"few bytes follow", compact.Full{Bytes: 100 * mib}, mib, []int64{50 * mib, 50 * mib}, false, "100.0 MiB of deltas"},
		{"many bytes follow", compact.Full{Bytes: 100 * mib}, mib, []int64{50 * mib, 51 * mib}, true, "the limit is 100.0 MiB"},
		{"few revisions follow", compact.Full{Revisions: 10}, mib, []int64{1}, false, "10 revisions"},
		{"many revisions follow", compact.Full{Revisions: 19}, mib, []int64{1, 1}, true, "20 revisions"},
		{"a restore is fast enough", compact.Full{TargetRTO: 11 * time.Second}, 100 * mib, []int64{100 * mib}, false, "about 11s"},
		{"a restore would take too long", compact.Full{TargetRTO: 10 * time.Second}, 100 * mib, []int64{100 * mib}, true, "about 11s, 10s is wanted"},
		{"the full alone takes just as long as it may", compact.Full{TargetRTO: time.Second}, 100 * mib, []int64{100 * mib}, true, "1s is wanted"},
		{"it would with a new full, too", compact.Full{TargetRTO: 10 * time.Second}, 2000 * mib, []int64{mib}, false, "would not help"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			things := []thing{full(0, 10).sized(tc.base)}
			target := int64(10)
			for _, n := range tc.deltas {
				things = append(things, delta(target+1, target+10).sized(n))
				target += 10
			}
			p, err := chain.Plan(history(things...), target, nil)
			if err != nil {
				t.Fatal(err)
			}
			v := tc.rule.Decide(p, rates)
			if v.Due != tc.due || !strings.Contains(v.Reason, tc.why) {
				t.Errorf("due %v: %s; want %v: …%s…", v.Due, v.Reason, tc.due, tc.why)
			}
		})
	}
}
