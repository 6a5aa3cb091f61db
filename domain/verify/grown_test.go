package verify_test

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/verify"
)

func TestAStoreThatGrowsWhileItIsChecked(t *testing.T) {
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 1}, Fulls: []timeline.Full{full(0, 10)}, Deltas: []timeline.Delta{delta(11, 20, "a")}}
	theirs := timeline.History{Timeline: timeline.Timeline{Epoch: 1}, Fulls: []timeline.Full{atLeast(10)}}
	for _, tc := range []struct {
		name   string
		listed timeline.History
		path   chain.Path
		grown  bool
	}{
		{"what was listed", h, chain.Path{Epoch: 1, Target: 20, Base: full(0, 10), Deltas: []timeline.Delta{delta(11, 20, "a")}}, false},
		{"by another way, as after a roll-up", h, chain.Path{Epoch: 1, Target: 20, Base: full(0, 20)}, false},
		{"a full that holds more than its name says", theirs, chain.Path{Epoch: 1, Target: 14, Base: atLeast(10)}, false},
		{"a delta that came meanwhile", h, chain.Path{Epoch: 1, Target: 25, Base: full(0, 10), Deltas: []timeline.Delta{delta(11, 20, "a"), delta(21, 25, "b")}}, true},
		{"a full that came meanwhile", h, chain.Path{Epoch: 1, Target: 25, Base: full(0, 25)}, true},
		{"a timeline that came meanwhile", h, chain.Path{Epoch: 2, Target: 20, Base: full(0, 20)}, true},
	} {
		if got := verify.Grown([]timeline.History{tc.listed}, tc.path); (got != "") != tc.grown || tc.grown && !strings.Contains(got, "was stored while this was checked") {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}
