package snapshot_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

var at = time.Date(2026, 3, 1, 14, 3, 5, 678e6, time.UTC)

func TestKeysBothWays(t *testing.T) {
	for _, tc := range []struct {
		name string
		ref  snapshot.Ref
		want string
	}{
		{"the format marker", snapshot.Ref{Kind: snapshot.KindFormat}, "format.json"},
		{"a timeline", snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: 3}, "timelines/00000003/timeline.json"},
		{"a full", snapshot.Ref{Kind: snapshot.KindFull, Epoch: 3, Last: 812345, First: 700000, At: at, ID: "0a1b2c3d", Compression: snapshot.Zstd},
			"timelines/00000003/full/00000000000000812345-00000000000000700000-20260301T140305.678Z-0a1b2c3d.db.zst"},
		{"a plain full of a cluster never compacted", snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 1, At: at, ID: "0a1b2c3d"},
			"timelines/00000001/full/00000000000000000001-00000000000000000000-20260301T140305.678Z-0a1b2c3d.db"},
		{"a full that was compacted at its end", snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 7, First: 7, At: at, ID: "0a1b2c3d"},
			"timelines/00000001/full/00000000000000000007-00000000000000000007-20260301T140305.678Z-0a1b2c3d.db"},
		{"its description", snapshot.Ref{Kind: snapshot.KindManifest, Epoch: 3, Last: 812345, First: 700000, At: at, ID: "0a1b2c3d"},
			"timelines/00000003/full/00000000000000812345-00000000000000700000-20260301T140305.678Z-0a1b2c3d.json"},
		{"a delta", snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 99999999, First: 5, Last: math.MaxInt64, At: at, ID: "0123456789abcdef"},
			"timelines/99999999/delta/09223372036854775807-00000000000000000005-20260301T140305.678Z-0123456789abcdef.delta"},
		{"a delta of the first revision alone", snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: 1, Last: 1, At: at, ID: "0123456789abcdef"},
			"timelines/00000001/delta/00000000000000000001-00000000000000000001-20260301T140305.678Z-0123456789abcdef.delta"},
		{"a proof", snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: 42, At: at},
			"timelines/00000001/proof/00000000000000000042-20260301T140305.678Z-recorded.json"},
		{"what was rebuilt", snapshot.Ref{Kind: snapshot.KindVerified, Epoch: 1, Last: 42, At: at},
			"timelines/00000001/proof/00000000000000000042-20260301T140305.678Z-verified.json"},
		{"a suspicion", snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: 1, Last: 42, At: at},
			"timelines/00000001/suspect/00000000000000000042-20260301T140305.678Z.json"},
		{"a suspicion of everything", snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: 1, At: at},
			"timelines/00000001/suspect/00000000000000000000-20260301T140305.678Z.json"},
		{"a pin", snapshot.Ref{Kind: snapshot.KindPin, Epoch: 1, Last: 42, At: at},
			"timelines/00000001/pin/00000000000000000042-20260301T140305.678Z.json"},
		{"an acknowledgement", snapshot.Ref{Kind: snapshot.KindMark, Epoch: 2, ID: "acknowledged"}, "timelines/00000002/mark/acknowledged.json"},
		{"a retirement", snapshot.Ref{Kind: snapshot.KindMark, Epoch: 2, ID: "retired"}, "timelines/00000002/mark/retired.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.ref.Key(); got != tc.want {
				t.Fatalf("Key = %s\nwant  %s", got, tc.want)
			}
			back, err := snapshot.Parse(tc.want)
			if err != nil || back != tc.ref {
				t.Fatalf("Parse = %+v, %v\nwant    %+v", back, err, tc.ref)
			}
		})
	}
}

// The catalogue finds the description of a full by this.
func TestAFullLeadsToItsDescription(t *testing.T) {
	full := snapshot.Ref{Kind: snapshot.KindFull, Epoch: 3, Last: 812345, First: 700000, At: at, ID: "0a1b2c3d", Compression: snapshot.Zstd}
	m := full.Manifest()
	if back, err := snapshot.Parse(m.Key()); err != nil || back != m || back.Kind != snapshot.KindManifest {
		t.Errorf("%+v reads back as %+v, %v", m, back, err)
	}
}

func TestForeignKeys(t *testing.T) {
	const good = "timelines/00000001/delta/00000000000000000009-00000000000000000005-20260301T140305.678Z-0123456789abcdef.delta"
	if _, err := snapshot.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"empty":                         "",
		"somebody's notes":              "README.txt",
		"the reference's full":          "v2/Full-00000000-00000062-1795363781.gz",
		"epoch zero":                    "timelines/00000000/timeline.json",
		"an epoch of nine digits":       "timelines/000000001/timeline.json",
		"an unknown mark":               "timelines/00000001/mark/wonderful.json",
		"a proof of another sort":       "timelines/00000001/proof/00000000000000000042-20260301T140305.678Z-believed.json",
		"a suspicion of nothing":        "timelines/00000001/suspect/20260301T140305.678Z.json",
		"a pin of nothing":              "timelines/00000001/pin/20260301T140305.678Z.json",
		"an unknown file of a timeline": "timelines/00000001/notes.json",
		"a delta that ends first":       "timelines/00000001/delta/00000000000000000005-00000000000000000009-20260301T140305.678Z-0123456789abcdef.delta",
		"a delta of revision 0":         "timelines/00000001/delta/00000000000000000005-00000000000000000000-20260301T140305.678Z-0123456789abcdef.delta",
		"upper-case digits":             "timelines/00000001/delta/00000000000000000009-00000000000000000005-20260301T140305.678Z-0123456789ABCDEF.delta",
		"a month of 13":                 "timelines/00000001/delta/00000000000000000009-00000000000000000005-20261301T140305.678Z-0123456789abcdef.delta",
		"a revision beyond int64":       "timelines/00000001/delta/99999999999999999999-00000000000000000005-20260301T140305.678Z-0123456789abcdef.delta",
		"a partial name":                "timelines/00000001/delta/00000000000000000009",
		"a partial name with an end":    "timelines/00000001/delta/00000000000000000009.delta",
		"an epoch beyond eight digits":  "timelines/100000000/timeline.json",
		"a full compacted beyond it":    "timelines/00000001/full/00000000000000000005-00000000000000000009-20260301T140305.678Z-01234567.db",
		"an id that is not hexadecimal": "timelines/00000001/delta/00000000000000000009-00000000000000000005-20260301T140305.678Z-0123456789abcdez.delta",
		"a revision below 0":            "timelines/00000001/pin/-0000000000000000042-20260301T140305.678Z.json",
		"a temporary":                   good + ".part",
		"a full in the wrong folder":    "timelines/00000001/full/00000000000000000009-00000000000000000005-20260301T140305.678Z-0123456789abcdef.delta",
	} {
		if ref, err := snapshot.Parse(key); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%s: Parse(%q) = %+v, %v, want unsupported", name, key, ref, err)
		}
	}
}

func TestKeysSortByRevision(t *testing.T) {
	var keys []string
	for _, last := range []int64{1, 9, 10, 99, 100, 1 << 40, math.MaxInt64} {
		keys = append(keys, snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: 1, Last: last, At: at, ID: "0123456789abcdef"}.Key())
	}
	if !slices.IsSorted(keys) {
		t.Errorf("byte order is not revision order: %v", keys)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("format.json")
	f.Add("timelines/00000001/timeline.json")
	f.Add("timelines/00000001/full/00000000000000000009-00000000000000000005-20260301T140305.678Z-01234567.db.zst")
	f.Add("timelines/00000001/proof/00000000000000000042-20260301T140305.678Z-recorded.json")
	f.Fuzz(func(t *testing.T, key string) {
		ref, err := snapshot.Parse(key)
		if err == nil && ref.Key() != key {
			t.Fatalf("%q parses as %+v, whose key is %q", key, ref, ref.Key())
		}
		if err != nil && !errors.Is(err, fault.Unsupported) {
			t.Fatalf("error of kind %q", fault.KindOf(err))
		}
	})
}
