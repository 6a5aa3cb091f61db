package restore

import (
	"context"
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Survey is what the objects of a path say of themselves, before any of them is
// read whole.
type Survey struct {
	Manifest  snapshot.Manifest // of the base
	Work      rule.Work
	Objects   []rule.PlanObject // the full, then the deltas in order
	Uncertain []string          // what the result may not have exactly

	deltas *rule.Descriptions // for who applies them next
}

// survey reads the descriptions of a path's objects. One that is damaged is an
// objectError.
func (r *Rebuilder) survey(ctx context.Context, p Plan, h *timeline.History, at Point) (Survey, error) {
	m, err := r.archive.Manifest(ctx, p.Base.Ref)
	if err != nil {
		return Survey{}, &objectError{p.Base.Key(), err}
	}
	s := Survey{
		Manifest: m,
		Work:     rule.Work{Database: max(m.Size, p.Base.Size), Repack: at.Fold || at.Defragment}, // not every format tells the plain size
		deltas:   rule.NewDescriptions(rule.DescriptionsKept),
		Objects:  []rule.PlanObject{{Key: p.Base.Key(), Size: p.Base.Size, Digest: m.SHA256}},
	}
	trail, leases := chain.NewAuthTrail(p.Path, m.Auth), snapshot.Leases{}
	for batch := range slices.Chunk(p.Deltas, envelopesAtOnce) {
		envelopes, err := each(ctx, batch, r.described, func(d timeline.Delta, err error) error { return &objectError{d.Key(), err} })
		if err != nil {
			return s, err
		}
		for i, env := range envelopes {
			s.Objects = append(s.Objects, rule.PlanObject{Key: batch[i].Key(), Size: batch[i].Size, Digest: env.Digest})
			s.deltas.Keep(batch[i].Ref, env)
			s.Work.Records += env.Records
			s.Work.Deltas += rule.Content(batch[i], env)
			trail.Pass(env)
			for _, l := range env.Leases {
				leases.Learn(l)
			}
		}
	}
	if err := r.learnLater(ctx, h, p.Path, leases); err != nil {
		return s, err
	}
	if p.Beyond != "" {
		s.Uncertain = append(s.Uncertain, p.Beyond)
	}
	for _, w := range p.Excluded {
		s.Uncertain = append(s.Uncertain, fmt.Sprintf("%s is damaged and was gone around: %v", w.Key, fault.Found(w.Err, w.Key)))
	}
	for _, text := range []string{rule.Unproven(h, p.Path), trail.Doubt(h), rule.UnknownLeases(leases), rule.Undescribed(p.Path)} {
		if text != "" {
			s.Uncertain = append(s.Uncertain, text)
		}
	}
	return s, nil
}
