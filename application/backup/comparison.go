package backup

import (
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/record"
)

// comparison holds the live history against the digests of the stored tail.
type comparison struct {
	last    int64
	agree   *chain.Agreement
	digests record.Digester
	err     error
}

func newComparison(tail *chain.Tail) *comparison {
	c := &comparison{last: tail.Last, agree: chain.NewAgreement()}
	// A fresh Agreement cannot refuse its first claims.
	_ = c.agree.Claim("the store", tail.Digests...)
	c.digests.OnRevision(func(d record.RevisionDigest) {
		if c.err == nil {
			c.err = c.agree.Check("the cluster", d)
		}
	})
	return c
}

// next compares one record; more is false for one beyond the stored tail, at
// which the comparison is complete.
func (c *comparison) next(r record.Record) (more bool, err error) {
	if r.Main > c.last {
		c.digests.Finish()
		return false, c.err
	}
	c.digests.Write(r)
	return true, c.err
}

// whole says that what was compared so far ends on a whole revision.
func (c *comparison) whole() error {
	c.digests.Finish()
	return c.err
}
