package gardener_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
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

// Beside objects of revkeeper nobody would read it but the other program: a bucket
// is one's or the other's.
func TestAStoreOfRevkeeperIsNotExportedInto(t *testing.T) {
	for _, tc := range []struct {
		name  string
		keys  []string
		taken bool
	}{
		{"somebody else's notes beside theirs", []string{"notes.txt", "v2/notes.txt"}, true},
		{"a timeline", []string{"timelines/00000001/timeline.json"}, false},
		{"a timeline where the export would be", []string{"v2/timelines/00000001/timeline.json"}, false},
		{"a timeline in a folder beside it", []string{"prod/timelines/00000001/timeline.json"}, true},
		{"a bucket that only says its format", []string{snapshot.FormatKey}, false},
		{"both formats", []string{snapshot.FormatKey, "v2/Full-00000000-00000062-1795363841.gz"}, false},
	} {
		var objects []timeline.Object
		for _, key := range tc.keys {
			objects = append(objects, timeline.Object{Key: key})
		}
		err := gardener.Takes(gardener.Catalog(objects), 1000)
		if (err == nil) != tc.taken || err != nil && (!errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "prefix of its own")) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestAnExportIsNotAmongTheObjectsItIsFrom(t *testing.T) {
	const file, bucket = "file://", "s3://backups at s3.example"
	for _, tc := range []struct {
		name          string
		store, target gardener.Place
		apart         bool
	}{
		{"a folder elsewhere", gardener.Place{Tree: file, Path: "/backup"}, gardener.Place{Tree: file, Path: "/old"}, true},
		{"a folder inside", gardener.Place{Tree: file, Path: "/backup"}, gardener.Place{Tree: file, Path: "/backup/v2"}, false},
		{"far inside, with slashes too many", gardener.Place{Tree: file, Path: "/backup/"}, gardener.Place{Tree: file, Path: "//backup//a/b/"}, false},
		{"a folder whose name only begins so", gardener.Place{Tree: file, Path: "/backup"}, gardener.Place{Tree: file, Path: "/backup-old"}, true},
		{"the folder above", gardener.Place{Tree: file, Path: "/backup/prod"}, gardener.Place{Tree: file, Path: "/backup"}, true},
		{"itself, which is asked what it holds", gardener.Place{Tree: file, Path: "/backup"}, gardener.Place{Tree: file, Path: "/backup/"}, true},
		{"a prefix below", gardener.Place{Tree: bucket, Path: "prod"}, gardener.Place{Tree: bucket, Path: "prod/v2"}, false},
		{"any prefix of a bucket that is the store", gardener.Place{Tree: bucket}, gardener.Place{Tree: bucket, Path: "old"}, false},
		{"a bucket that is the store, itself", gardener.Place{Tree: bucket}, gardener.Place{Tree: bucket}, true},
		{"a prefix beside", gardener.Place{Tree: bucket, Path: "prod"}, gardener.Place{Tree: bucket, Path: "prod-old"}, true},
		{"the same prefix in another bucket", gardener.Place{Tree: bucket, Path: "prod"}, gardener.Place{Tree: "s3://old at s3.example", Path: "prod/v2"}, true},
		{"a folder of the same name", gardener.Place{Tree: bucket, Path: "prod"}, gardener.Place{Tree: file, Path: "/prod/v2"}, true},
	} {
		err := gardener.Apart(tc.store, tc.target)
		if (err == nil) != tc.apart || err != nil && (!errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "not below --store")) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
