package compact_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
)

func keysOf(problems []fault.Problem) string {
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	return strings.Join(keys, ",")
}

func TestLimitsOfFulls(t *testing.T) {
	for _, tc := range []struct {
		rule compact.Full
		keys string // that are wrong
	}{
		{compact.Full{}, ""},
		{compact.Full{Bytes: compact.MinFullBytes, Revisions: 1, TargetRTO: 1}, ""},
		{compact.Full{Bytes: compact.MinFullBytes - 1}, "full.bytes"},
		{compact.Full{Bytes: -1, Revisions: -1, TargetRTO: -1}, "full.bytes,full.revisions,full.targetRto"},
	} {
		if got := keysOf(tc.rule.Validate()); got != tc.keys {
			t.Errorf("%+v: %s, want %s", tc.rule, got, tc.keys)
		}
	}
}

func TestLimitsOfRollUps(t *testing.T) {
	least := compact.RollUp{Window: compact.MinWindow, Target: compact.MinTarget, Segments: compact.MinSegments}
	most := compact.RollUp{Window: 24 * time.Hour, Target: compact.MaxTarget, Segments: compact.MaxSegments}
	for _, tc := range []struct {
		rule compact.RollUp
		keys string
	}{
		{least, ""},
		{most, ""},
		{compact.RollUp{Window: least.Window - 1, Target: least.Target - 1, Segments: least.Segments - 1}, "window,target,segments"},
		{compact.RollUp{Window: most.Window, Target: most.Target + 1, Segments: most.Segments + 1}, "target,segments"},
	} {
		if got := keysOf(tc.rule.Validate()); got != tc.keys {
			t.Errorf("%+v: %s, want %s", tc.rule, got, tc.keys)
		}
	}
}

// A full that was built takes the place of one that etcd gave only if nothing is
// missing in it and a member's own hash says what it is.
func TestWhichBuiltFullsAreStored(t *testing.T) {
	for _, tc := range []struct {
		story       string
		authChanged bool
		proven      *proof.Recorded
		says        string // empty: it is stored
	}{
		{"it is what a member hashed", false, &proof.Recorded{}, ""},
		{"users changed since its base", true, &proof.Recorded{}, "users"},
		{"nothing proves it", false, nil, "no recorded hash"},
	} {
		err := compact.Storable(chain.Path{Target: 30}, tc.authChanged, tc.proven)
		if (err == nil) != (tc.says == "") || err != nil && (!errors.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v", tc.story, err)
		}
	}
}
