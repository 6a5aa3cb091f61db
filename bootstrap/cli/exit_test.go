package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// TestEveryKindHasAStatusOfItsOwn: a new kind without one, or two kinds with the
// same, would make scripts take one failure for another.
func TestEveryKindHasAStatusOfItsOwn(t *testing.T) {
	kinds, statuses := map[fault.Kind]bool{}, map[int]bool{0: true, exitDiffer: true, exitInterrupted: true}
	for _, e := range exits {
		if kinds[e.kind] || statuses[e.status] {
			t.Errorf("%s or %d is in the table twice", e.kind, e.status)
		}
		kinds[e.kind], statuses[e.status] = true, true
	}
	for _, k := range fault.Kinds() {
		if !kinds[k] {
			t.Errorf("%s has no exit status", k)
		}
	}
	if len(exits) != len(fault.Kinds()) {
		t.Errorf("%d statuses for %d kinds", len(exits), len(fault.Kinds()))
	}
}

func TestExitCode(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"nothing went wrong", t.Context(), nil, 0},
		{"nothing went wrong, though it was told to end", ended, nil, 0},
		{"nobody knows what", t.Context(), errors.New("odd"), 11},
		{"two points differ", t.Context(), errDiffer, 1},
		{"several settings", t.Context(), fault.Problems{{Key: "a"}}, 2},
		{"a wrapped fault", t.Context(), fmt.Errorf("x: %w", fault.New(fault.Diverged, "a", "", "b")), 6},
		{"interrupted", ended, fault.Wrap(fault.Unavailable, "list", "", context.Canceled), 130},
		{"failed while it was told to end", ended, fault.New(fault.Corrupt, "a", "", "b"), 5},
		{"somebody else cancelled", t.Context(), fault.Wrap(fault.Unavailable, "list", "", context.Canceled), 7},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := exitCode(tc.ctx, tc.err); got != tc.want {
				t.Errorf("exit %d, want %d", got, tc.want)
			}
		})
	}
}
