package compact

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	restorerule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// FullPlan is a full that could be built now, and whether it is due.
type FullPlan struct {
	Path    chain.Path // to the newest revision
	Verdict rule.Verdict
}

// PlanFull says which full could be built, and whether it is due by r. An empty
// bucket and one without a restorable revision are NotFound.
func (c *Compactor) PlanFull(ctx context.Context, r rule.Full) (FullPlan, error) {
	plan, err := c.rebuilder().Plan(ctx, restore.Point{Target: chain.Latest})
	if err != nil {
		return FullPlan{}, err
	}
	return FullPlan{Path: plan.Path, Verdict: r.Decide(plan.Path, restorerule.DefaultRates())}, nil
}

func (c *Compactor) rebuilder() *restore.Rebuilder {
	return restore.NewRebuilder(c.archive, c.observe)
}

// BuildFull builds the full of a plan and stores it. Nothing is stored that could
// not be compared with a recorded HashKV, or that would lack users or roles that
// the cluster has by then; both are Unsupported, and a full from etcd helps.
func (c *Compactor) BuildFull(ctx context.Context, p FullPlan) (timeline.Full, error) {
	if len(p.Path.Deltas) == 0 {
		return timeline.Full{}, fault.New(fault.Conflict, "build full", "", "no delta follows the newest full").WithRemedy("nothing: the newest full is as good as another")
	}
	began := time.Now()
	writer, err := c.sign(ctx)
	if err != nil {
		return timeline.Full{}, err
	}
	writer.BegunAt = began.UTC().Truncate(time.Millisecond)
	var full timeline.Full
	var staged ports.StagedSnapshot
	begin := func(ctx context.Context) (ports.StagedDatabase, error) {
		staged, err = c.builder.Begin(ctx)
		return staged, err
	}
	// The proof is made beside the compressing, not before it.
	err = c.rebuilder().Run(ctx, restore.Point{Epoch: p.Path.Epoch, Target: p.Path.Target, SkipProof: true}, begin, func(built restore.Rebuilt) error {
		full, err = c.storeBuilt(ctx, built, staged, writer)
		return err
	})
	if err != nil {
		return timeline.Full{}, err
	}
	c.observe.Observe(event.Event{At: time.Now(), Kind: event.FullBuilt, Epoch: full.Epoch, Revision: full.Last, Bytes: full.Size, Took: time.Since(began),
		Message: fmt.Sprintf("built a full at revision %d without etcd: %s", full.Last, p.Verdict.Reason)})
	return full, nil
}

// storeBuilt makes an object of a rebuilt history.
func (c *Compactor) storeBuilt(ctx context.Context, built restore.Rebuilt, staged ports.StagedSnapshot, writer snapshot.Writer) (timeline.Full, error) {
	p := built.Plan
	if built.AuthChanged { // known before any work is done
		return timeline.Full{}, rule.Storable(p.Path, true, nil)
	}
	packed, proven, err := c.packAndProve(ctx, built, staged)
	if err != nil {
		return timeline.Full{}, err
	}
	defer packed.Release()
	// The instant is that of the content: what nobody wrote to for days is not
	// fresh because of this.
	at := p.Deltas[len(p.Deltas)-1].At
	base := built.Manifest
	writer.ClusterID = base.ClusterID
	return c.writer.StoreFull(ctx, snapshot.Ref{Epoch: p.Epoch, At: at}, snapshot.Manifest{
		Writer: writer, Source: base.Source, EtcdVersion: base.EtcdVersion, Raft: built.Raft, Auth: base.Auth, TakenAt: at,
		Synthetic: &snapshot.Synthetic{Base: p.Base.Key(), Deltas: len(p.Deltas), Proven: proven.Revision, BuiltAt: time.Now().UTC().Truncate(time.Millisecond)},
	}, packed)
}

// packAndProve compresses a rebuilt database and compares it with a recorded hash
// meanwhile: one reads it as a file, the other as records. The caller releases what
// was packed, if there is no error; no proof is none.
func (c *Compactor) packAndProve(ctx context.Context, built restore.Rebuilt, staged ports.StagedSnapshot) (packed ports.SpooledFull, proven *proof.Recorded, err error) {
	p := built.Plan
	g, ctx := errgroup.WithContext(ctx)
	stream, err := staged.Snapshot(ctx, built.Leases, restore.DefaultLeaseTTL)
	if err != nil {
		return packed, nil, err
	}
	defer stream.Close()
	if f := stream.Facts; f.Last != p.Target || f.Compact != p.Base.First {
		return packed, nil, fault.New(fault.Internal, "build full", p.Base.Key(),
			fmt.Sprintf("it holds revisions (%d, %d], not (%d, %d]", f.Compact, f.Last, p.Base.First, p.Target))
	}
	g.Go(func() (err error) {
		packed, err = c.packer.Pack(ctx, stream, stream.Size, stream.Facts)
		return err
	})
	g.Go(func() (err error) {
		if proven, err = built.Prove(ctx); err == nil {
			err = rule.Storable(p.Path, built.AuthChanged, proven) // else the packing goes on in vain
		}
		return err
	})
	if err := g.Wait(); err != nil {
		if packed.Release != nil {
			packed.Release()
		}
		return ports.SpooledFull{}, nil, err
	}
	return packed, proven, nil
}
