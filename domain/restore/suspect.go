package restore

import (
	"errors"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Suspicion is what there is to say of a restored revision that is suspect.
// consented says that whoever asked for it, or made the plan, knew.
func Suspicion(consented bool) string {
	const text = "the revision is suspect: what was rebuilt of this timeline was not what the cluster had"
	if consented {
		return text
	}
	return text + "; that was not known when the plan was made"
}

// FailsAgain says of the failed proof of a revision that was suspect before what
// can be done; other errors are returned as they are.
func FailsAgain(err error) error {
	if !errors.Is(err, fault.Diverged) {
		return err
	}
	return &fault.Error{Kind: fault.Diverged, Op: "restore a suspect revision", Err: err,
		Remedy: "what is suspect fails its proof again; --skip-proof has it all the same"}
}
