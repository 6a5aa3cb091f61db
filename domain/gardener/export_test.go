package gardener_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestTheNameOfAnExport(t *testing.T) {
	at := time.Date(2026, 11, 22, 16, 10, 41, 5e8, time.UTC)
	for last, want := range map[int64]string{
		62:            "v2/Full-00000000-00000062-1795363841.gz",
		1_000_000_000: "v2/Full-00000000-1000000000-1795363841.gz",
	} {
		key := gardener.FullKey(last, at)
		ref, layout, ok := gardener.Parse(key)
		if key != want || !ok || layout != 2 || ref.Kind != snapshot.KindFull || ref.Last != last || ref.Compression != snapshot.Gzip {
			t.Errorf("%s is read as %+v", key, ref)
		}
	}
}

func TestWhatWouldNeverBeReadIsNotExported(t *testing.T) {
	for _, tc := range []struct {
		name   string
		bucket []string
		last   int64
		taken  bool
	}{
		{"into an empty store", nil, 62, true},
		{"above all that is there", []string{"Full 62", "Incr 63-84"}, 90, true},
		{"where the deltas had come to", []string{"Full 62", "Incr 63-84"}, 84, true},
		{"below a delta", []string{"Full 62", "Incr 63-84"}, 83, false},
		{"below a full", []string{"Full 62"}, 61, false},
		{"above the newest of a cluster that was set back, below what was before", []string{"Full 62", "Incr 63-84", "Full 10", "Incr 11-20"}, 30, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := gardener.Takes(gardener.Catalog(bucket(tc.bucket...)), tc.last)
			if (err == nil) != tc.taken || err != nil && !errors.Is(err, fault.Conflict) {
				t.Errorf("err = %v", err)
			}
		})
	}
}
