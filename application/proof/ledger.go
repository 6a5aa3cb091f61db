// Package proof asks the members of etcd for what proves the backup, and holds
// them against each other.
package proof

import (
	"context"
	"sync"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Ledger is what this sidecar knows of proofs. It is safe for concurrent use and
// outlives the duty.
type Ledger struct {
	mu       sync.Mutex
	standing proof.Standing
}

// NewLedger returns a Ledger that knows nothing.
func NewLedger() *Ledger { return &Ledger{} }

// Standing returns a copy.
func (l *Ledger) Standing() proof.Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.standing
}

// Look takes over what a listing shows of the newest timeline.
func (l *Ledger) Look(c timeline.Catalogue) {
	h := c.Newest()
	if h == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(h.Proofs); n > 0 {
		newest := h.Proofs[n-1]
		l.standing.Recorded = l.standing.Recorded.Later(proof.Point{Epoch: h.Epoch, Revision: newest.Last, At: newest.At})
	}
	// What was verified of a timeline that ended says how long ago that was, too.
	for _, h := range c.Timelines {
		for _, v := range h.Verified {
			if known := l.standing.Verified; v.At.After(known.At) {
				l.standing.Verified = proof.Point{Epoch: h.Epoch, Revision: v.Last, At: v.At}
			}
		}
	}
}

// Verified takes over what was verified just now.
func (l *Ledger) Verified(p proof.Point) {
	l.set(func(s *proof.Standing) { s.Verified = s.Verified.Later(p) })
}

// differ returns the disagreement that stands, nil for none.
func (l *Ledger) differ() *proof.Disagreement { return l.Standing().Differ }

func (l *Ledger) set(f func(s *proof.Standing)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.standing)
}

// settle ends a disagreement if it is over, and reports whether it did.
func (l *Ledger) settle(agreed []cluster.ID, members []cluster.Member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.standing.Differ; d == nil || !d.Over(agreed, members) {
		return false
	}
	l.standing.Differ = nil
	return true
}

// Guard is an archive writer that records no proof while the members disagree,
// and lets the ledger know of those that it records.
type Guard struct {
	ports.ArchiveWriter
	ledger *Ledger
}

// NewGuard returns a Guard over w.
func NewGuard(w ports.ArchiveWriter, l *Ledger) *Guard { return &Guard{ArchiveWriter: w, ledger: l} }

// StoreProof implements ports.ArchiveWriter. It is Diverged while the members
// disagree: nobody knows then which of them is right.
func (g *Guard) StoreProof(ctx context.Context, epoch int, p proof.Recorded) error {
	if d := g.ledger.differ(); d != nil {
		return fault.New(fault.Diverged, "record proof", "", "the members disagree: "+d.Detail)
	}
	if err := g.ArchiveWriter.StoreProof(ctx, epoch, p); err != nil {
		return err
	}
	g.ledger.set(func(s *proof.Standing) {
		s.Recorded = s.Recorded.Later(proof.Point{Epoch: epoch, Revision: p.Revision, At: p.RecordedAt})
	})
	return nil
}
