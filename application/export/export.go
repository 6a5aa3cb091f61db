// Package export writes any restorable point as a full snapshot that programs
// other than revkeeper take.
package export

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/ports"
)

// Exporter writes points of one archive.
type Exporter struct {
	rebuild *restore.Rebuilder
	builder ports.SnapshotBuilder
	observe ports.Observer
}

// New returns an Exporter that rebuilds histories with b.
func New(a ports.Archive, b ports.SnapshotBuilder, o ports.Observer) *Exporter {
	return &Exporter{rebuild: restore.NewRebuilder(a, o), builder: b, observe: o}
}

// Telling returns an Exporter that tells p how it advances.
func (e *Exporter) Telling(p restore.Progress) *Exporter {
	out := *e
	out.rebuild = e.rebuild.Telling(p)
	return &out
}

// Request says what is exported.
type Request struct {
	restore.Point
	// DefaultLeaseTTL, in seconds, is for leases whose granted TTL nobody recorded;
	// 0 for restore.DefaultLeaseTTL.
	DefaultLeaseTTL int64
}

// Result is what was exported.
type Result struct {
	restore.Rebuilt
	Written         ports.Written
	Size            int64 // bytes of the plain snapshot, its SHA-256 included
	LeasesDefaulted int   // leases whose TTL nobody recorded
	Took            time.Duration
}

// Run rebuilds a history, compares it as a restore does, and hands it to a taker.
// Revisions are kept as they are. After an error nothing is left that looks whole.
func (e *Exporter) Run(ctx context.Context, req Request, to ports.SnapshotTaker) (Result, error) {
	began := time.Now()
	ttl := cmp.Or(req.DefaultLeaseTTL, restore.DefaultLeaseTTL)
	plan, err := e.rebuild.Plan(ctx, req.Point)
	if err != nil {
		return Result{}, err
	}
	req.Epoch, req.Target = plan.Epoch, plan.Target // the newest may be another by the next look
	if err := to.Ready(ctx, req.Target); err != nil {
		return Result{}, err
	}
	var res Result
	var staged ports.StagedSnapshot
	begin := func(ctx context.Context) (_ ports.StagedDatabase, err error) {
		staged, err = e.builder.Begin(ctx)
		return staged, err
	}
	err = e.rebuild.Run(ctx, req.Point, begin, func(built restore.Rebuilt) (err error) {
		res, err = write(ctx, built, staged, ttl, to)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	res.Took = time.Since(began)
	p := res.Plan
	e.observe.Observe(event.Event{At: time.Now(), Kind: event.RestoreFinished, Epoch: p.Epoch, Revision: p.Target, Records: res.Records, Bytes: p.Bytes(), Took: res.Took,
		Message: fmt.Sprintf("exported revision %d of timeline %d as %s", p.Target, p.Epoch, res.Written.Place)})
	return res, nil
}

func write(ctx context.Context, built restore.Rebuilt, staged ports.StagedSnapshot, ttl int64, to ports.SnapshotTaker) (Result, error) {
	res := Result{Rebuilt: built}
	stream, err := staged.Snapshot(ctx, built.Leases, ttl)
	if err != nil {
		return res, err
	}
	defer stream.Close()
	if stream.Facts.Last != built.Plan.Target {
		return res, fault.New(fault.Internal, "export", "", fmt.Sprintf("it ends at revision %d, not %d", stream.Facts.Last, built.Plan.Target))
	}
	res.Size, res.LeasesDefaulted = stream.Size, stream.LeasesDefaulted
	if res.Plan.Suspect() {
		res.Warnings = append(res.Warnings, rule.Suspicion(true)) // else it had not been planned
	}
	if n := stream.LeasesDefaulted; n > 0 {
		res.Warnings = append(res.Warnings, rule.DefaultedLeases(n, ttl))
	}
	res.Written, err = to.Take(ctx, stream)
	return res, err
}
