package chain

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Agreement holds what is known of the content of revisions and refuses a
// second view that differs.
type Agreement struct {
	known map[int64]claim
}

type claim struct {
	digest record.Digest
	by     string
}

// NewAgreement returns an Agreement that knows nothing.
func NewAgreement() *Agreement { return &Agreement{known: map[int64]claim{}} }

// Claim adds what the object named by says of revisions. It returns Diverged,
// naming the revision and both objects, if that contradicts an earlier claim.
func (a *Agreement) Claim(by string, digests ...record.RevisionDigest) error {
	for _, d := range digests {
		if err := a.Check(by, d); err != nil {
			return err
		}
		a.known[d.Revision] = claim{d.Digest, by}
	}
	return nil
}

// Check compares one revision with what is known, without adding it.
func (a *Agreement) Check(by string, d record.RevisionDigest) error {
	c, ok := a.known[d.Revision]
	if !ok || c.digest == d.Digest {
		return nil
	}
	return fault.New(fault.Diverged, "compare history", fmt.Sprintf("revision %d", d.Revision),
		fmt.Sprintf("%s has digest %.16s…, %s has %.16s…", c.by, c.digest, by, d.Digest)).
		WithRemedy("two writers recorded different histories; restore a point below this revision and keep the bucket for analysis")
}

// Concerns reports whether anything is known of revisions first to last, so
// that comparing them is worth the hashing.
func (a *Agreement) Concerns(first, last int64) bool {
	for rev := range a.known {
		if first <= rev && rev <= last {
			return true
		}
	}
	return false
}

// Forget drops claims below revision, to bound the memory of a long chain.
func (a *Agreement) Forget(below int64) {
	for rev := range a.known {
		if rev < below {
			delete(a.known, rev)
		}
	}
}

// Connects returns nil if a full that holds history from compact on continues
// the stored tail: it reaches back to it, and where both know a revision they
// agree. held are the digests that the full has for the tail's revisions.
func Connects(tail Tail, compact int64, held []record.RevisionDigest) error {
	if !FullConnects(compact, tail.Last) {
		return fault.New(fault.Diverged, "continue timeline", fmt.Sprint(tail.Epoch),
			fmt.Sprintf("the full holds nothing below revision %d, %d is stored", compact, tail.Last))
	}
	a := NewAgreement()
	if err := a.Claim("the stored tail", tail.Digests...); err != nil {
		return err
	}
	return a.Claim("the full", held...)
}
