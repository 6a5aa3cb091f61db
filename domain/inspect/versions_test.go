package inspect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/inspect"
)

func TestTrail(t *testing.T) {
	const story = "a=1 b=1 a=22@7 -a a=333 ab=1"
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		keep  int
		bytes int64
		want  string
	}{
		{"every version of the key, oldest first", 0, 0, "2:v1 1, 4:v2 22 lease 7, 5:gone, 6:v1 333"},
		{"the newest few", 2, 0, "5:gone, 6:v1 333"},
		{"the newest that fit", 0, 5, "4:v2 22 lease 7, 5:gone, 6:v1 333"},
		{"the newest, however large", 0, 1, "6:v1 333"},
	} {
		trail := inspect.NewTrail([]byte("a"), tc.keep, tc.bytes, true)
		for _, r := range tell(2, story) {
			r.KeyValue = append([]byte(nil), r.KeyValue...)
			if err := trail.Add(r, at, at.Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			clear(r.KeyValue) // it is the caller's
		}
		var got []string
		for _, v := range trail.Versions() {
			text := fmt.Sprintf("%d:v%d %s", v.Main, v.Version, v.Value)
			if v.Deleted {
				text = fmt.Sprintf("%d:gone", v.Main)
			}
			if v.Lease != 0 {
				text += fmt.Sprint(" lease ", v.Lease)
			}
			if !v.NotBefore.Equal(at) || v.NotAfter.Sub(at) != time.Second || v.Size != int64(len(v.Value)) {
				t.Errorf("%+v", v)
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != tc.want || trail.Total != 4 {
			t.Errorf("%s: %q of %d, want %s", tc.name, got, trail.Total, tc.want)
		}
	}
}

func TestTrailWithoutValues(t *testing.T) {
	trail := inspect.NewTrail([]byte("a"), 0, 1, false)
	for _, r := range tell(2, "a=1 a=22") {
		if err := trail.Add(r, time.Time{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	v := trail.Versions()
	if len(v) != 2 || v[1].Value != nil || v[1].Size != 2 {
		t.Errorf("%+v", v)
	}
}
