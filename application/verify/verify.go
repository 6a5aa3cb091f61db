// Package verify checks what a bucket holds, as deep as it is asked to.
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/application/drill"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	rule "github.com/revkeeper/revkeeper/domain/verify"
	"github.com/revkeeper/revkeeper/ports"
)

// readers is how many objects are read side by side.
const readers = 4

// Request says what to check.
type Request struct {
	Level  rule.Level
	Epoch  int   // only this timeline; 0 for all
	Target int64 // the revision that the deepest level rebuilds, or chain.Latest
}

// Progress is told how many of the objects were read, and of how many.
type Progress func(done, total int, bytes int64)

// Verifier checks one bucket and changes nothing in it.
type Verifier struct {
	archive ports.Archive
	keeper  ports.ArchiveKeeper // of which it only reads
	builder ports.SnapshotBuilder
	rebuild *restore.Rebuilder
	driller *drill.Driller
}

// New returns a Verifier that rebuilds histories with b.
func New(a ports.Archive, k ports.ArchiveKeeper, b ports.SnapshotBuilder, o ports.Observer) *Verifier {
	return &Verifier{archive: a, keeper: k, builder: b, rebuild: restore.NewRebuilder(a, o), driller: drill.NewDriller(a, b, o)}
}

// Run checks. What is wrong with the backup is in the report; an error says that
// the check could not be carried out. An empty bucket is NotFound.
func (v *Verifier) Run(ctx context.Context, req Request, progress Progress) (rule.Report, error) {
	report := rule.Report{Level: req.Level, Windows: map[int][]chain.Range{}}
	c, err := v.archive.Catalogue(ctx)
	if err != nil {
		return report, err
	}
	histories, err := chosen(&c, req.Epoch)
	if err != nil {
		return report, err
	}
	report.Findings, report.Notes = rule.Look(histories)
	if n := len(c.Foreign); n > 0 {
		report.Notes = append(report.Notes, rule.Note{Detail: fmt.Sprintf("%d objects are not revkeeper's", n)})
	}
	if req.Level.Includes(rule.Objects) {
		if err := v.objects(ctx, histories, &report, progress); err != nil {
			return report, err
		}
	}
	for _, h := range histories {
		report.Windows[h.Epoch] = report.Restorable(&h)
	}
	if req.Level.Includes(rule.Restore) {
		err = v.restores(ctx, req, histories, &report)
	}
	if err == nil && req.Level.Includes(rule.History) {
		err = v.history(ctx, histories, &report)
	}
	return report, err
}

func chosen(c *timeline.Catalogue, epoch int) ([]timeline.History, error) {
	if len(c.Timelines) == 0 {
		return nil, fault.New(fault.NotFound, "verify", "", "the bucket holds no backup").WithRemedy("check the store's address and prefix")
	}
	if epoch == 0 {
		return c.Timelines, nil
	}
	h := c.Find(epoch)
	if h == nil {
		return nil, fault.New(fault.NotFound, "verify", fmt.Sprintf("timeline %d", epoch), "there is no such timeline").
			WithRemedy("`revkeeper list` shows them all")
	}
	return []timeline.History{*h}, nil
}

// objects reads every finished full and every delta.
func (v *Verifier) objects(ctx context.Context, histories []timeline.History, report *rule.Report, progress Progress) error {
	refs := refsOf(histories)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for _, ref := range refs {
		g.Go(func() error {
			if gctx.Err() != nil {
				return gctx.Err()
			}
			n, err := v.keeper.ReadBack(gctx, ref)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				report.Objects, report.Bytes = report.Objects+1, report.Bytes+n
			case errors.Is(err, fault.NotFound):
				report.Notes = append(report.Notes, rule.Note{Timeline: ref.Epoch, Detail: ref.Key() + " went while this was checked; retention may have taken it"})
			case errors.Is(err, fault.Corrupt), errors.Is(err, fault.Unsupported):
				report.Findings = append(report.Findings, rule.Finding{Kind: fault.Corrupt, Timeline: ref.Epoch, Object: ref.Key(), Detail: fault.Brief(err)})
			default:
				return err
			}
			progress(report.Objects, len(refs), report.Bytes)
			return nil
		})
	}
	err := errors.Join(g.Wait(), ctx.Err())
	slices.SortStableFunc(report.Findings, func(a, b rule.Finding) int { return a.Timeline - b.Timeline })
	return err
}

func refsOf(histories []timeline.History) (refs []snapshot.Ref) {
	for _, h := range histories {
		for _, f := range h.Fulls {
			if f.Finished {
				refs = append(refs, f.Ref)
			}
		}
		for _, d := range h.Deltas {
			refs = append(refs, d.Ref)
		}
	}
	return refs
}

// restores rebuilds a history in a database of its own and compares it. It looks
// anew, so that what retention took since the listing was made is no finding.
func (v *Verifier) restores(ctx context.Context, req Request, listed []timeline.History, report *rule.Report) error {
	began := time.Now()
	begin := func(ctx context.Context) (ports.StagedDatabase, error) { return v.builder.Begin(ctx) }
	err := v.rebuild.Run(ctx, restore.Point{Epoch: req.Epoch, Target: req.Target}, begin, func(b restore.Rebuilt) error {
		p := b.Plan
		report.Restored = &rule.Restored{Timeline: p.Epoch, Revision: p.Target, Records: b.Records, Proof: b.Proof, Took: time.Since(began)}
		if grown := rule.Grown(listed, p.Path); grown != "" {
			report.Notes = append(report.Notes, rule.Note{Timeline: p.Epoch, Detail: grown})
		}
		for _, x := range p.Excluded {
			report.Notes = append(report.Notes, rule.Note{Timeline: p.Epoch, Detail: x.Key + " was gone around: " + fault.Found(x.Err, x.Key)})
		}
		for _, w := range b.Warnings {
			report.Notes = append(report.Notes, rule.Note{Timeline: p.Epoch, Detail: w})
		}
		return nil
	})
	switch kind := fault.KindOf(err); kind {
	case fault.Corrupt, fault.Diverged, fault.NotFound:
		report.Findings = append(report.Findings, rule.Finding{Kind: kind, Timeline: req.Epoch, Detail: "it does not restore: " + fault.Brief(err)})
		return nil
	}
	return err
}
