package restore

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	deltasAhead = 3 // deltas being fetched and decoded beside the one applied
	blocksAhead = 3 // decoded blocks of about 1 MiB waiting in each
)

// feed is one delta on its way from the store to the database.
type feed struct {
	delta  timeline.Delta
	opened chan struct{} // closed once env is set or the delta failed
	env    snapshot.Envelope
	blocks chan ports.Block // closed at the end
	failed error            // why there is no env; set before opened is closed
	broken error            // why the blocks end early; set before they are closed
}

// prefetch starts reading deltas in order, a few at a time, and returns them in
// order. All goroutines belong to g. What was read of them before is not read again.
func (r *Rebuilder) prefetch(ctx context.Context, g *errgroup.Group, deltas []timeline.Delta, read *rule.Descriptions) <-chan *feed {
	feeds := make(chan *feed, deltasAhead)
	g.Go(func() error {
		defer close(feeds)
		for _, d := range deltas {
			f := &feed{delta: d, opened: make(chan struct{}), blocks: make(chan ports.Block, blocksAhead)}
			select {
			case feeds <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error { return r.feed(ctx, f, read) })
		}
		return nil
	})
	return feeds
}

func (r *Rebuilder) feed(ctx context.Context, f *feed, read *rule.Descriptions) error {
	// The applier must not take a delta that broke for one that ended, or it
	// would report a hole instead of the broken object.
	defer close(f.blocks)
	env, known := read.Of(f.delta.Ref)
	var err error
	if !known {
		env, err = r.described(ctx, f.delta)
	}
	f.env = env
	if err != nil {
		f.failed = &objectError{f.delta.Key(), err}
	}
	close(f.opened)
	if f.failed != nil {
		return f.failed
	}
	for b, err := range r.archive.OpenDelta(ctx, env, f.delta.Ref) {
		if err != nil {
			f.broken = &objectError{f.delta.Key(), err}
			return f.broken
		}
		select {
		case f.blocks <- b:
		case <-ctx.Done():
			f.broken = ctx.Err()
			return f.broken
		}
	}
	return nil
}

// described returns what is needed to open a delta: its description, or its name
// where the description would take a reading of the whole.
func (r *Rebuilder) described(ctx context.Context, d timeline.Delta) (snapshot.Envelope, error) {
	if d.Undescribed {
		return snapshot.Named(d.Ref), nil
	}
	return r.archive.Envelope(ctx, d.Ref)
}

// applier writes deltas into the staged database in order.
type applier struct {
	staging  ports.StagedDatabase
	progress Progress
	step     Step
	target   int64
	path     chain.Path // with the base as it turned out to be
	seq      record.Sequence
	agree    *chain.Agreement
	leases   snapshot.Leases
	auth     *chain.AuthTrail
	raft     snapshot.Raft
	warnings []string
}

func (a *applier) report(phase string, bytes int64) {
	a.step.Phase = phase
	a.step.Bytes += bytes
	a.step.Revision = a.seq.Last()
	a.progress(a.step)
}

// delta applies one delta: what lies at or below the reached revision is
// compared where something is known of it, what lies above the target is left.
func (a *applier) delta(ctx context.Context, f *feed) error {
	<-f.opened
	if f.failed != nil {
		return f.failed
	}
	env, key := f.env, f.delta.Key()
	s := a.scrutinize(f.delta)
	if err := a.agree.Claim(key, upTo(a.target, env.Tail)...); err != nil {
		return err
	}
	for b := range f.blocks {
		if err := a.block(ctx, b.Records, s); err != nil {
			return err
		}
	}
	if f.broken != nil {
		return f.broken
	}
	if err := s.finish(); err != nil {
		return err
	}
	if s.describe != nil {
		env = s.describe.Envelope()
		if err := a.agree.Claim(key, env.Tail...); err != nil {
			return err
		}
	}
	for _, l := range env.Leases {
		a.leases.Learn(l)
	}
	a.auth.Pass(env)
	a.raft = env.Raft
	a.agree.Forget(a.seq.Last() - record.TailLength)
	a.report("deltas", f.delta.Size)
	return nil
}

// scrutiny is what is looked for in the records of one delta.
type scrutiny struct {
	// repeated is the last revision that the delta may repeat: deltas hold whole
	// revisions, so it is what was reached before.
	repeated     int64
	whole        bool                // no record was left out because it lies above the target
	digests      *record.Digester    // nil where nothing is known of its revisions
	disagreement error               // between those and what is known
	describe     *snapshot.Describer // nil where a description is stored
}

func (a *applier) scrutinize(d timeline.Delta) *scrutiny {
	s := &scrutiny{repeated: a.seq.Last(), whole: true}
	if a.agree.Concerns(d.First, d.Last) {
		s.digests = &record.Digester{}
		s.digests.OnRevision(func(r record.RevisionDigest) {
			if s.disagreement == nil {
				s.disagreement = a.agree.Check(d.Key(), r)
			}
		})
	}
	if d.Undescribed {
		s.describe = snapshot.NewDescriber(d.Ref)
	}
	return s
}

func (s *scrutiny) record(r record.Record) error {
	if s.digests != nil {
		s.digests.Write(r)
	}
	if s.describe != nil {
		return s.describe.Write(r)
	}
	return nil
}

func (s *scrutiny) finish() error {
	if s.digests != nil && s.whole {
		s.digests.Finish()
	}
	return s.disagreement
}

// block applies the records of one block but those that the delta repeats or that
// lie above the target.
func (a *applier) block(ctx context.Context, records []record.Record, s *scrutiny) error {
	from, to := 0, 0
	for ; to < len(records); to++ {
		r := records[to]
		if r.Main > a.target {
			s.whole = false
			break
		}
		if err := s.record(r); err != nil {
			return err
		}
		if r.Main <= s.repeated {
			from = to + 1
			continue
		}
		if err := a.seq.Next(r); err != nil {
			return err
		}
	}
	a.step.Records += int64(to - from)
	return a.staging.Apply(ctx, records[from:to])
}

// complete checks that the deltas led to the target.
func (a *applier) complete() error {
	if a.seq.Last() == a.target {
		return nil
	}
	return fault.New(fault.Internal, "restore", "", fmt.Sprintf("the path was to reach revision %d and ended at %d", a.target, a.seq.Last()))
}

// upTo returns the digests of revisions up to target: a dispute above it is none
// of this restore.
func upTo(target int64, digests []record.RevisionDigest) []record.RevisionDigest {
	n := len(digests)
	for n > 0 && digests[n-1].Revision > target {
		n--
	}
	return digests[:n]
}
