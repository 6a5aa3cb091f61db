// Package compact makes the chains of a bucket shorter: it rolls up small deltas
// into larger ones and builds fulls from fulls and deltas. It deletes nothing;
// what is replaced goes by retention.
package compact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Sign says who writes now, or why this process must not.
type Sign func(ctx context.Context) (snapshot.Writer, error)

// Compactor works on one archive. It plans anew in each run and keeps nothing.
type Compactor struct {
	archive ports.Archive
	writer  ports.ArchiveWriter
	joiner  ports.ArchiveCompactor
	builder ports.SnapshotBuilder
	packer  ports.FullPacker
	sign    Sign
	observe ports.Observer
}

// New returns a Compactor. The archive must list the whole bucket each time.
func New(a ports.Archive, w ports.ArchiveWriter, j ports.ArchiveCompactor, b ports.SnapshotBuilder, p ports.FullPacker, sign Sign, o ports.Observer) *Compactor {
	return &Compactor{archive: a, writer: w, joiner: j, builder: b, packer: p, sign: sign, observe: o}
}

// RolledUp is one roll-up that was made.
type RolledUp struct {
	Delta  timeline.Delta
	Deltas int // that it holds
	Bytes  int64
	Reason string
}

// PlanRollUp returns what RollUp would do now, by timeline.
func (c *Compactor) PlanRollUp(ctx context.Context, r rule.RollUp) ([]rule.Plan, error) {
	catalogue, err := c.archive.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	var plans []rule.Plan
	for i := range catalogue.Timelines {
		plans = append(plans, r.Plan(&catalogue.Timelines[i], time.Now()))
	}
	return plans, nil
}

// RollUp carries out a plan for every timeline. What it made before an error
// stays and is returned: each roll-up is whole by itself. A group of which an
// object is damaged or gone is left out and told.
func (c *Compactor) RollUp(ctx context.Context, r rule.RollUp) ([]RolledUp, error) {
	plans, err := c.PlanRollUp(ctx, r)
	if err != nil {
		return nil, err
	}
	var made []RolledUp
	for _, p := range plans {
		for _, g := range p.Groups {
			done, err := c.group(ctx, r, g)
			made = append(made, done...)
			if errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound) {
				c.observe.Observe(event.Event{At: time.Now(), Kind: event.CompactionFailed, Level: event.Warn, Epoch: p.Epoch, Err: err,
					Message: fmt.Sprintf("the deltas of revisions %s stay as they are", g.Range())})
				continue
			}
			if err != nil {
				return made, err
			}
		}
	}
	return made, nil
}

// group makes one roll-up of a group, or several where it is too large for one.
func (c *Compactor) group(ctx context.Context, r rule.RollUp, g rule.Group) ([]RolledUp, error) {
	envs := map[string]snapshot.Envelope{}
	segments := make([]int, len(g.Deltas))
	for i, d := range g.Deltas {
		env, err := c.archive.Envelope(ctx, d.Ref)
		if err != nil {
			return nil, err
		}
		envs[d.Key()], segments[i] = env, len(env.Segments)
	}
	var made []RolledUp
	for _, part := range r.Fit(g, segments) {
		var parts []snapshot.Envelope
		for _, d := range part.Deltas {
			parts = append(parts, envs[d.Key()])
		}
		one, err := c.rollUp(ctx, part, parts)
		if err != nil {
			return made, err
		}
		made = append(made, one)
	}
	return made, nil
}

func (c *Compactor) rollUp(ctx context.Context, g rule.Group, parts []snapshot.Envelope) (RolledUp, error) {
	began := time.Now()
	writer, err := c.sign(ctx)
	if err != nil {
		return RolledUp{}, err
	}
	writer.BegunAt = began.UTC().Truncate(time.Millisecond)
	d, err := c.joiner.RollUp(ctx, parts, writer)
	if err != nil {
		return RolledUp{}, err
	}
	defer d.Release()
	if err := c.writer.StoreDelta(ctx, d); err != nil {
		return RolledUp{}, err
	}
	if err := c.readBack(ctx, d.Ref, parts); err != nil {
		return RolledUp{}, err
	}
	c.observe.Observe(event.Event{At: time.Now(), Kind: event.DeltasRolledUp, Epoch: d.Ref.Epoch, Revision: d.Ref.Last, Bytes: d.Size,
		Records: d.Envelope.Records, Took: time.Since(began), Message: "rolled up and read back: " + g.Reason})
	return RolledUp{Delta: timeline.Delta{Ref: d.Ref, Size: d.Size}, Deltas: len(parts), Bytes: g.Bytes, Reason: g.Reason}, nil
}

// readBack reads a stored roll-up as a restore does, and makes sure that it holds
// everything that it was made of.
func (c *Compactor) readBack(ctx context.Context, ref snapshot.Ref, parts []snapshot.Envelope) error {
	env, err := c.archive.Envelope(ctx, ref)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if !chain.Holds(env, p.Ref()) {
			return fault.New(fault.Corrupt, "read roll-up back", ref.Key(), "it does not hold "+p.Ref().Key())
		}
	}
	for _, err := range c.archive.OpenDelta(ctx, env, ref) {
		if err != nil {
			return err
		}
	}
	return nil
}
