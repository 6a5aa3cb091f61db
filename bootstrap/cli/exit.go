package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Statuses that no kind of error has.
const (
	// exitDiffer is the result of errDiffer, as of diff, cmp, git diff and kubectl
	// diff. So it is nothing else's: a script must not take trouble for a difference.
	exitDiffer      = 1
	exitInterrupted = 130 // the shell's, of a command that Ctrl-C ended
)

// exitInternal is the status of what nobody classified, too.
const exitInternal = 11

// exit is the status for a kind of error, and what it says to whoever reads the
// help. Statuses are part of the interface: a kind keeps its own for ever.
type exit struct {
	kind    fault.Kind
	status  int
	meaning string
}

var exits = []exit{
	{fault.Invalid, 2, "flags, environment or configuration cannot be acted on"},
	{fault.NotFound, 3, "the revision, object or backup does not exist"},
	{fault.Conflict, 4, "it exists already, as a data directory that is not empty"},
	{fault.Corrupt, 5, "stored bytes are not what was written"},
	{fault.Diverged, 6, "two histories disagree, or a proof failed"},
	{fault.Unavailable, 7, "etcd, the store or the disk cannot serve now, or status says that all is not well"},
	{fault.Unauthorized, 8, "credentials or certificates were refused"},
	{fault.Unsupported, 9, "a format or feature that this build does not know"},
	{fault.Immutable, 10, "a lock or policy of the store forbids it for now"},
	{fault.Internal, exitInternal, "a defect of revkeeper, or an error that nobody classified"},
}

// exitCode returns the status for what a command returned.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if errors.Is(err, errDiffer) {
		return exitDiffer
	}
	kind := fault.KindOf(err)
	for _, e := range exits {
		if e.kind == kind {
			return e.status
		}
	}
	return exitInternal
}

// exitHelp is the section of the help about statuses.
func exitHelp() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %3d  done\n", 0)
	fmt.Fprintf(&b, "  %3d  with diff --exit-code alone: there are differences\n", exitDiffer)
	for _, e := range exits {
		fmt.Fprintf(&b, "  %3d  %s\n", e.status, e.meaning)
	}
	fmt.Fprintf(&b, "  %3d  interrupted by a signal", exitInterrupted)
	return b.String()
}
