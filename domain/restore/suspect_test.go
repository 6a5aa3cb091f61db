package restore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/restore"
)

func TestWhoeverDidNotKnowOfASuspicionIsTold(t *testing.T) {
	for _, consented := range []bool{true, false} {
		if got := restore.Suspicion(consented); strings.Contains(got, "not known when the plan was made") == consented {
			t.Errorf("consented %v: %q", consented, got)
		}
	}
}

func TestASuspectRevisionThatFailsAgain(t *testing.T) {
	var f *fault.Error
	again := restore.FailsAgain(fault.New(fault.Diverged, "prove", "", "it differs"))
	if !errors.As(again, &f) || f.Kind != fault.Diverged || !strings.Contains(f.Remedy, "--skip-proof") {
		t.Errorf("%v", again)
	}
	other := fault.New(fault.Unavailable, "read", "", "the store is away")
	if got := restore.FailsAgain(other); got != error(other) {
		t.Errorf("another error became %v", got)
	}
}
