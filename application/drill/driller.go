// Package drill rebuilds what the store holds, again and again, to show that it can
// be restored and is what the cluster had.
package drill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	rule "github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// longest bounds a drill. One that takes longer is given up.
const longest = 6 * time.Hour

// Driller carries out drills on this machine, one at a time. It is safe for
// concurrent use.
type Driller struct {
	archive ports.Archive
	builder ports.SnapshotBuilder
	rebuild *restore.Rebuilder
	running sync.Mutex
}

// NewDriller returns a Driller that reads the archive and builds with b.
func NewDriller(a ports.Archive, b ports.SnapshotBuilder, o ports.Observer) *Driller {
	return &Driller{archive: a, builder: b, rebuild: restore.NewRebuilder(a, o)}
}

// Run rebuilds a history in a database without a name, which is gone when it
// returns, and compares it. That the history is not what the cluster had is in the
// outcome; an error says that it could not be rebuilt. It is Conflict while another
// drill runs here, Unavailable where the disk has no room.
func (d *Driller) Run(ctx context.Context, t rule.Task) (out rule.Outcome, err error) {
	if !d.running.TryLock() {
		return out, fault.New(fault.Conflict, "drill", "", "another drill is under way here").WithRemedy("wait until it has ended")
	}
	defer d.running.Unlock()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	at := restore.Point{Epoch: t.Epoch, Target: t.Revision, Base: t.From, SkipProof: true}
	if err := d.room(ctx, at); err != nil {
		return out, err
	}
	var staged ports.StagedDatabase
	began := time.Now()
	begin := func(ctx context.Context) (_ ports.StagedDatabase, err error) {
		began = time.Now()
		staged, err = d.builder.Begin(ctx)
		return staged, err
	}
	err = d.rebuild.Run(ctx, at, begin, func(built restore.Rebuilt) error {
		p := built.Plan
		out = rule.Outcome{Task: t, Base: p.Base.Key(), Deltas: len(p.Deltas), Records: built.Records, Took: time.Since(began)}
		for _, b := range p.Excluded {
			out.Around = append(out.Around, b.Key+": "+fault.Found(b.Err, b.Key))
		}
		return d.compare(ctx, &out, staged, p.Base.Ref)
	})
	return out, err
}

// room refuses what the disk has no space for, before anything is written.
func (d *Driller) room(ctx context.Context, at restore.Point) error {
	dir, free, err := d.builder.Free(ctx)
	if errors.Is(err, fault.Unsupported) {
		return nil // not every file system tells
	}
	if err != nil {
		return err
	}
	needs, err := d.rebuild.Needs(ctx, at)
	if err != nil {
		return err
	}
	return rule.Room(dir, free, needs.Database)
}

// compare holds the rebuilt history against the proofs of its timeline.
func (d *Driller) compare(ctx context.Context, out *rule.Outcome, staged ports.StagedDatabase, base snapshot.Ref) error {
	c, err := d.archive.Catalogue(ctx)
	if err != nil {
		return err
	}
	h := c.Find(out.Epoch)
	if h == nil {
		return fault.New(fault.NotFound, "drill", fmt.Sprintf("timeline %d", out.Epoch), "it went while it was rebuilt")
	}
	history, err := staged.History(ctx)
	if err != nil {
		return err
	}
	fresh, others := rule.ToCompare(h.Proofs, out.Task, base)
	for _, ref := range fresh {
		if err := d.hold(ctx, out, history, ref, base.First); err != nil || out.Differs != nil {
			return err
		}
	}
	for i := 0; i < len(others) && out.Proof == nil && out.Differs == nil; i++ {
		if err := d.hold(ctx, out, history, others[i], base.First); err != nil {
			return err
		}
	}
	return nil
}

// hold notes whether a history agrees with a proof. One that cannot be used is passed
// over.
func (d *Driller) hold(ctx context.Context, out *rule.Outcome, history proof.History, ref snapshot.Ref, compact int64) error {
	recorded, err := d.archive.Proof(ctx, ref)
	if errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound) || err == nil && proof.Usable(recorded.Hash, ref.Last, compact) != nil {
		return nil
	}
	if err != nil {
		return err
	}
	computed, err := proof.Compare(history, recorded)
	switch {
	case err == nil:
		out.Proof = &recorded
	case errors.Is(err, fault.Diverged):
		out.Differs, out.Computed = &recorded, computed
	default:
		return err
	}
	return nil
}
