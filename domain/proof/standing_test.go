package proof_test

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/proof"
)

func TestTheLaterOfTwoPoints(t *testing.T) {
	for _, tc := range []struct {
		story string
		p, o  proof.Point
		taken bool
	}{
		{"the higher revision of one timeline", proof.Point{Epoch: 1, Revision: 5}, proof.Point{Epoch: 1, Revision: 6}, true},
		{"not the lower", proof.Point{Epoch: 1, Revision: 5}, proof.Point{Epoch: 1, Revision: 4}, false},
		{"the same, known anew", proof.Point{Epoch: 1, Revision: 5}, proof.Point{Epoch: 1, Revision: 5, Took: 1}, true},
		{"the later timeline, which began below", proof.Point{Epoch: 1, Revision: 5}, proof.Point{Epoch: 2, Revision: 3}, true},
		{"not the earlier one, which went further", proof.Point{Epoch: 2, Revision: 3}, proof.Point{Epoch: 1, Revision: 5}, false},
		{"any after none", proof.Point{}, proof.Point{Epoch: 1, Revision: 1}, true},
	} {
		want := tc.p
		if tc.taken {
			want = tc.o
		}
		if got := tc.p.Later(tc.o); got != want {
			t.Errorf("%s: %+v", tc.story, got)
		}
	}
}
