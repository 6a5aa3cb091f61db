package chain_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestVigil(t *testing.T) {
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	type look struct{ received, head int64 }
	repeat := func(n int, l look) []look {
		out := make([]look, n)
		for i := range out {
			out[i] = l
		}
		return out
	}
	climb := func(n int, head int64) (out []look) { // a revision more at each look
		for i := range int64(n) {
			out = append(out, look{10 + i, head})
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		looks []look
		want  fault.Kind
	}{
		{"an idle cluster is no silence", repeat(100, look{10, 10}), ""},
		{"a slow catch-up makes progress", climb(20, 1000), ""},
		{"a silence that ended counts no more", slices.Concat(repeat(5, look{10, 11}), repeat(5, look{11, 12})), ""},
		{"what was written a moment ago may still be on its way", []look{{10, 10}, {10, 11}, {11, 11}}, ""},
		{"one huge revision takes its time", repeat(6, look{10, 11}), ""},
		{"a watch that lost its place", repeat(7, look{10, 11}), fault.Unavailable},
		{"history went back under the watch", []look{{10, 10}, {10, 3}}, fault.Diverged},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v chain.Vigil
			var err error
			for i, l := range tc.looks { // a look a minute
				if err = v.Look(l.received, l.head, began.Add(time.Duration(i)*time.Minute)); err != nil {
					break
				}
			}
			if fault.KindOf(err) != tc.want {
				t.Errorf("got %v, want kind %q", err, tc.want)
			}
			if tc.want != "" && !errors.Is(err, tc.want) {
				t.Errorf("errors.Is(%v, %s) is false", err, tc.want)
			}
		})
	}
}
