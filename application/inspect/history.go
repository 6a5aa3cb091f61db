package inspect

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
)

// Past says which versions of a key are wanted.
type Past struct {
	Key      []byte
	Epoch    int   // timeline; 0 for the newest that has To
	From, To Point // From may have revision 0: from the beginning
	Keep     int   // at most so many, the newest; 0 for all
	Values   bool
	Suspect  bool // also what failed a proof
}

// Story is what a timeline holds of a key.
type Story struct {
	Epoch    int
	Span     chain.Range // that was asked for
	Total    int64       // versions that are held
	Versions []rule.Version
	// Missing are revisions that no object holds whole. A version of them is listed
	// if it survived compaction.
	Missing  []chain.Range
	Disputed []chain.Range // revisions of which two contents are stored: none is shown
	Broken   []restore.Broken
}

// History returns the versions of a key that a timeline holds between two
// revisions, oldest first. It reads the deltas between, and a full where they lack
// something, which takes as much disk as the full. Values take at most ValueBytes.
func (i *Inspector) History(ctx context.Context, p Past) (Story, error) {
	c, err := i.rebuild.Catalogue(ctx)
	if err != nil {
		return Story{}, err
	}
	to, _, err := i.resolve(ctx, Where{Epoch: p.Epoch, Point: p.To, Suspect: p.Suspect})
	if err != nil {
		return Story{}, err
	}
	h, last, err := locate(&c, to)
	if err != nil {
		return Story{}, err
	}
	s := Story{Epoch: h.Epoch, Span: chain.Range{First: 1, Last: last}}
	if p.From != (Point{}) {
		from, _, err := i.resolve(ctx, Where{Epoch: h.Epoch, Point: p.From})
		if err != nil {
			return s, err
		}
		if s.Span, err = chain.Span(from.Target, last); err != nil {
			return s, err
		}
	}
	var trail *rule.Trail
	s.Broken, err = i.read(ctx, h, s.Span, func(plan chain.Reading) visit {
		s.Missing, s.Disputed = plan.Missing, plan.Disputed
		trail = rule.NewTrail(p.Key, p.Keep, ValueBytes, p.Values)
		return trail.Add
	})
	if err != nil {
		return s, err
	}
	s.Versions, s.Total = trail.Versions(), trail.Total
	if s.Total == 0 {
		return s, fault.New(fault.NotFound, "show history", fmt.Sprintf("%q", p.Key),
			fmt.Sprintf("timeline %d holds no version of it in the revisions %s", s.Epoch, s.Span)).
			WithRemedy("check the key, byte for byte; give an older --from, or another --timeline")
	}
	return s, nil
}
