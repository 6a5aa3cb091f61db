package gardener_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/gardener"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

func TestParse(t *testing.T) {
	const kib = "v2/Incr-00000063-00000084-1795363843"
	for _, tc := range []struct {
		name, key   string
		kind        snapshot.Kind // empty: not one of theirs
		first, last int64
		wrapper     snapshot.Compression
	}{
		{"a full names a revision that it holds", "v2/Full-00000000-00000062-1795363841", snapshot.KindFull, 62, 62, ""},
		{"a delta", kib, snapshot.KindDelta, 63, 84, ""},
		{"gzip", kib + ".gz", snapshot.KindDelta, 63, 84, snapshot.Gzip},
		{"lzw", kib + ".Z", snapshot.KindDelta, 63, 84, snapshot.LZW},
		{"zlib", kib + ".zlib", snapshot.KindDelta, 63, 84, snapshot.Zlib},
		{"the last full before a migration", "v2/Full-00000000-00000062-1795363841.final", snapshot.KindFull, 62, 62, ""},
		{"the same, wrapped", "v2/Full-00000000-00000062-1795363841.gz.final", snapshot.KindFull, 62, 62, snapshot.Gzip},
		{"the older layout", "v1/Backup-1795363000/Incr-00000063-00000084-1795363843.gz", snapshot.KindDelta, 63, 84, snapshot.Gzip},
		{"in the folder v2 itself", "Incr-00000063-00000084-1795363843.gz", snapshot.KindDelta, 63, 84, snapshot.Gzip},
		{"a part of an upload there", "Full-00000000-00000062-1795363841.gz/0000000001", "", 0, 0, ""},
		{"revisions of more than eight digits", "v2/Incr-999999999-1000000000-1795363843", snapshot.KindDelta, 999999999, 1000000000, ""},
		{"a part of an upload", "v2/Full-00000000-00000062-1795363841.gz/0000000001", "", 0, 0, ""},
		{"a part of an upload in the older layout", "v1/Backup-1795363000/Full-00000000-00000062-1795363841/0000000001", "", 0, 0, ""},
		{"a wrapper of another version", kib + ".zst", "", 0, 0, ""},
		{"a copy that is under way", kib + ".gz.part", "", 0, 0, ""},
		{"a delta that is final", kib + ".final", "", 0, 0, ""},
		{"a full that begins somewhere", "v2/Full-00000005-00000062-1795363841", "", 0, 0, ""},
		{"revisions backwards", "v2/Incr-00000085-00000084-1795363843", "", 0, 0, ""},
		{"a delta from nowhere", "v2/Incr-00000000-00000084-1795363843", "", 0, 0, ""},
		{"a full of revision 0", "v2/Full-00000000-00000000-1795363841", "", 0, 0, ""},
		{"a full of the first revision", "v2/Full-00000000-00000001-1795363841", snapshot.KindFull, 1, 1, ""},
		{"a delta of the first revision alone", "v2/Incr-00000001-00000001-1795363841", snapshot.KindDelta, 1, 1, ""},
		{"a name of too few parts", "v2/Full-00000062-1795363841", "", 0, 0, ""},
		{"an older folder without a time", "v1/Backup-/Full-00000000-00000062-1795363841", "", 0, 0, ""},
		{"an older folder of another time", "v1/Backup-today/Full-00000000-00000062-1795363841", "", 0, 0, ""},
		{"the first second of a year that nobody can write", "v2/Full-00000000-00000062-253402300800", "", 0, 0, ""},
		{"a sign", "v2/Incr-+0000063-00000084-1795363843", "", 0, 0, ""},
		{"a revision that no cluster reaches", "v2/Incr-00000063-99999999999999999999-1795363843", "", 0, 0, ""},
		{"a year that nobody can write", "v2/Full-00000000-00000062-999999999999", "", 0, 0, ""},
		{"another kind", "v2/Chunk-00000063-00000084-1795363843", "", 0, 0, ""},
		{"neither layout", "v3/Full-00000000-00000062-1795363841", "", 0, 0, ""},
		{"deeper", "prod/v2/Full-00000000-00000062-1795363841", "", 0, 0, ""},
		{"another folder of the older layout", "v1/Copies-1/Full-00000000-00000062-1795363841", "", 0, 0, ""},
		{"revkeeper's own", "timelines/00000001/timeline.json", "", 0, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ref, _, ok := gardener.Parse(tc.key)
			if ok != (tc.kind != "") {
				t.Fatalf("Parse = %+v, %v", ref, ok)
			}
			if ok && (ref.Kind != tc.kind || ref.First != tc.first || ref.Last != tc.last || ref.Compression != tc.wrapper || ref.Key() != tc.key) {
				t.Errorf("Parse = %+v", ref)
			}
		})
	}
}

// The name has whole seconds, cut off: what it names was there by the end of it.
func TestTheTimeOfANameIsTheEndOfItsSecond(t *testing.T) {
	ref, _, _ := gardener.Parse("v2/Full-00000000-00000062-1795363841.gz")
	if want := time.Date(2026, 11, 22, 16, 10, 41, 999e6, time.UTC); !ref.At.Equal(want) {
		t.Errorf("at %s, want %s", ref.At, want)
	}
}

// bucket is a listing of "Full L" and "Incr F-L", named one a minute in the given
// order and listed in another.
func bucket(names ...string) []timeline.Object {
	objects := make([]timeline.Object, len(names))
	for i, name := range names {
		var first, last int64
		kind := "Full"
		if _, err := fmt.Sscanf(name, "Full %d", &last); err != nil {
			kind = "Incr"
			if _, err := fmt.Sscanf(name, "Incr %d-%d", &first, &last); err != nil {
				panic(name)
			}
		}
		objects[len(names)-1-i] = timeline.Object{Key: fmt.Sprintf("v2/%s-%08d-%08d-%d", kind, first, last, 1795363841+60*i), Size: 10}
	}
	return objects
}

func TestTimelines(t *testing.T) {
	for _, tc := range []struct {
		name   string
		bucket []string
		want   string // windows of each timeline, and what has no full
	}{
		{"a full and what follows it",
			[]string{"Full 62", "Incr 63-84", "Incr 85-107"}, "1: [62–107]"},
		{"a full where the deltas had come to",
			[]string{"Full 62", "Incr 63-84", "Full 84", "Incr 85-90"}, "1: [62–90]"},
		{"a full takes the place of a delta that was not taken",
			[]string{"Full 62", "Full 84", "Incr 85-90"}, "1: [62 84–90]"},
		{"deltas of two leaders overlap",
			[]string{"Full 62", "Incr 63-84", "Incr 63-90", "Incr 91-95"}, "1: [62–95]"},
		{"a delta is missing",
			[]string{"Full 62", "Incr 63-84", "Incr 90-95"}, "1: [62–84] baseless [90–95]"},
		{"a compaction job's full is lower, and deltas go on from the highest",
			[]string{"Full 62", "Incr 63-84", "Incr 85-107", "Full 84", "Incr 108-120"}, "1: [62–120]"},
		{"it is, and the cluster was set back to just there later",
			[]string{"Full 62", "Incr 63-84", "Incr 85-107", "Full 84", "Incr 108-120", "Full 84", "Incr 85-90"}, "1: [62–120] 2: [84–90]"},
		{"it is, and nothing came since",
			[]string{"Full 62", "Incr 63-84", "Incr 85-107", "Full 84"}, "1: [62–107]"},
		{"it is, and all before it was tidied away",
			[]string{"Incr 85-107", "Full 84", "Incr 108-120"}, "1: [84–120]"},
		{"a full of a clock that is behind",
			[]string{"Full 62", "Incr 63-84", "Incr 85-107", "Full 107", "Full 100", "Incr 108-120"}, "1: [62–120]"},
		{"the cluster was set back",
			[]string{"Full 62", "Incr 63-84", "Incr 85-107", "Full 70", "Incr 71-75"}, "1: [62–107] 2: [70–75]"},
		{"it was, and grew beyond what was stored before",
			[]string{"Full 62", "Incr 63-84", "Full 70", "Incr 71-84", "Incr 85-99"}, "1: [62–84] 2: [70–99]"},
		{"it was, twice",
			[]string{"Full 62", "Incr 63-84", "Full 1", "Incr 2-20", "Full 1", "Incr 2-9"}, "1: [62–84] 2: [1–20] 3: [1–9]"},
		{"deltas alone",
			[]string{"Incr 63-84"}, "1: [] baseless [63–84]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := gardener.Catalog(bucket(tc.bucket...))
			var got []string
			for _, h := range c.Timelines {
				cov := chain.Cover(&h)
				line := fmt.Sprintf("%d: %v", h.Epoch, cov.Windows)
				if len(cov.Baseless) > 0 {
					line += fmt.Sprintf(" baseless %v", cov.Baseless)
				}
				got = append(got, line)
				for _, f := range h.Fulls {
					if f.Epoch != h.Epoch || !f.Finished || !f.AtLeast {
						t.Errorf("full %+v", f)
					}
				}
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestWhoseBucketItIs(t *testing.T) {
	theirs := timeline.Object{Key: "v2/Full-00000000-00000062-1795363841"}
	ours := timeline.Object{Key: "timelines/00000001/timeline.json"}
	other := timeline.Object{Key: "v2/notes.txt"}
	for _, tc := range []struct {
		name          string
		objects       []timeline.Object
		beside, alone bool
	}{
		{"empty", nil, false, false},
		{"theirs", []timeline.Object{theirs, other}, true, true},
		{"revkeeper's", []timeline.Object{ours}, false, false},
		{"both", []timeline.Object{ours, theirs}, true, false},
		{"somebody else's", []timeline.Object{other}, false, false},
	} {
		c := timeline.Catalog(tc.objects)
		if gardener.Beside(c) != tc.beside || gardener.Alone(c) != tc.alone {
			t.Errorf("%s: beside %v, alone %v", tc.name, gardener.Beside(c), gardener.Alone(c))
		}
	}
	older := timeline.Object{Key: "v1/Backup-1795363000/Full-00000000-00000063-1795363901"}
	c := gardener.Catalog([]timeline.Object{theirs, other, older}) // the newer layout counts
	if c.Format == nil || c.Format.Format != gardener.FormatName || c.Format.Version != 2 || len(c.Foreign) != 1 {
		t.Errorf("catalogue %+v", c)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v2/Full-00000000-00000062-1795363841.gz.final")
	f.Add("v1/Backup-1/Incr-00000063-00000084-1795363843.Z")
	f.Fuzz(func(t *testing.T, key string) {
		ref, layout, ok := gardener.Parse(key)
		if !ok {
			return
		}
		if ref.Key() != key || ref.First < 1 || ref.First > ref.Last || layout < 1 || layout > 2 {
			t.Fatalf("%q read as %+v", key, ref)
		}
		if _, err := ref.At.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
	})
}
