// Package snapshot takes full snapshots and records the proof beside them.
package snapshot

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	statusTimeout = 5 * time.Second
	// hashPatience bounds a HashKV scan, which takes seconds a GiB.
	hashPatience = 5 * time.Minute
)

// Busy announces that a member will not answer its status call for a while; the
// returned func ends the announcement.
type Busy func(ctx context.Context, member cluster.ID, reason string, until time.Time) (done func())

// Taker takes fulls. It is used by the backup duty and is safe for one full at
// a time.
type Taker struct {
	cluster ports.Cluster
	maint   ports.Maintenance
	spool   ports.FullSpool
	archive ports.ArchiveWriter
	observe ports.Observer
	busy    Busy
	source  atomic.Uint64 // whom a full is being read from
}

// NewTaker returns a Taker.
func NewTaker(c ports.Cluster, m ports.Maintenance, s ports.FullSpool, a ports.ArchiveWriter, o ports.Observer, busy Busy) *Taker {
	return &Taker{cluster: c, maint: m, spool: s, archive: a, observe: o, busy: busy}
}

// Request says what a full must be.
type Request struct {
	Epoch     int
	Writer    snapshot.Writer
	AtLeast   int64       // the full must reach this revision, so that it meets the watch
	ConnectTo *chain.Tail // stored history that the full must continue; nil for none
	Auth      snapshot.Auth
	Raft      snapshot.Raft
	Reason    string
}

// Take streams a snapshot from the best member, stores it and records what the
// cluster's HashKV at its revision is. A failed proof does not fail the full; it
// is observed. A full that does not continue ConnectTo is Diverged, and nothing
// is stored.
func (t *Taker) Take(ctx context.Context, req Request) (timeline.Full, error) {
	began := time.Now()
	t.observe.Observe(event.Event{At: began, Kind: event.FullStarted, Epoch: req.Epoch, Message: "full snapshot: " + req.Reason})
	source, spooled, err := t.best(ctx, req)
	if err != nil {
		return timeline.Full{}, t.failed(req, began, err)
	}
	defer spooled.Release()
	if tail := req.ConnectTo; tail != nil {
		if err := chain.Connects(*tail, spooled.Facts.Compact, spooled.Facts.Wanted); err != nil {
			return timeline.Full{}, t.failed(req, began, err)
		}
	}
	// The cluster is asked now: by the time a large full is stored, its revision
	// may have been compacted away.
	p, proofErr := t.hash(ctx, spooled.Facts)
	full, err := t.store(ctx, req, source, spooled, began)
	if err != nil {
		return full, t.failed(req, began, err)
	}
	t.observe.Observe(event.Event{At: time.Now(), Kind: event.FullStored, Epoch: req.Epoch, Revision: full.Last, Bytes: full.Size,
		Took: time.Since(began), Message: fmt.Sprintf("full snapshot at revision %d from %s, history from %d on", full.Last, source.Member.Name, full.First)})
	t.record(ctx, full, p, req.Writer.ClusterID, proofErr)
	return full, nil
}

func (t *Taker) failed(req Request, began time.Time, err error) error {
	t.observe.Observe(event.Event{At: time.Now(), Kind: event.FullFailed, Level: event.Warn, Epoch: req.Epoch, Err: err,
		Took: time.Since(began), Message: "full snapshot failed"})
	return err
}

// best spools a full from the first member in order of preference that can give
// a good one.
func (t *Taker) best(ctx context.Context, req Request) (cluster.Candidate, ports.SpooledFull, error) {
	candidates, err := t.Candidates(ctx)
	if err != nil {
		return cluster.Candidate{}, ports.SpooledFull{}, err
	}
	sources, left := cluster.Sources(candidates, req.AtLeast)
	err = fault.New(fault.Unavailable, "take full", "", fmt.Sprintf("no member can stream it: %v", left))
	for _, source := range sources {
		var spooled ports.SpooledFull
		if spooled, err = t.fetch(ctx, source, req); err == nil {
			return source, spooled, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return cluster.Candidate{}, ports.SpooledFull{}, err
}

// fetch spools a member's snapshot and refuses one that ends below what is
// needed: a member can have fallen behind since it was asked.
func (t *Taker) fetch(ctx context.Context, source cluster.Candidate, req Request) (ports.SpooledFull, error) {
	stream, err := t.maint.Snapshot(ctx, source.Member)
	if err != nil {
		return ports.SpooledFull{}, err
	}
	defer stream.Close()
	t.source.Store(uint64(source.Member.ID))
	defer t.source.Store(0)
	var wanted chain.Range
	if req.ConnectTo != nil && len(req.ConnectTo.Digests) > 0 {
		wanted = chain.Range{First: req.ConnectTo.Digests[0].Revision, Last: req.ConnectTo.Last}
	}
	spooled, err := t.spool.Spool(ctx, stream, source.Status.DBSize, wanted)
	if err != nil {
		return spooled, fmt.Errorf("snapshot of member %s: %w", source.Member.Name, err)
	}
	if !chain.FullMeetsWatch(spooled.Facts.Last, req.AtLeast+1) {
		spooled.Release()
		return ports.SpooledFull{}, fault.New(fault.Unavailable, "take full", source.Member.Name,
			fmt.Sprintf("it ends at revision %d, %d is needed", spooled.Facts.Last, req.AtLeast))
	}
	return spooled, nil
}

// Streaming returns the member that a full is being read from, 0 for none.
func (t *Taker) Streaming() cluster.ID { return cluster.ID(t.source.Load()) }

func (t *Taker) store(ctx context.Context, req Request, source cluster.Candidate, spooled ports.SpooledFull, now time.Time) (timeline.Full, error) {
	ref := snapshot.Ref{Kind: snapshot.KindFull, Epoch: req.Epoch, At: now.UTC().Truncate(time.Millisecond)}
	return t.archive.StoreFull(ctx, ref, snapshot.Manifest{
		Writer: req.Writer, Source: source.Member.ID.String(), EtcdVersion: source.Status.Version,
		Raft: req.Raft, Auth: req.Auth, TakenAt: now.UTC()}, spooled)
}

// record stores what a member answered for the full's revision.
func (t *Taker) record(ctx context.Context, full timeline.Full, p proof.Recorded, clusterID string, err error) {
	if err == nil {
		p.ClusterID, p.RecordedAt = clusterID, time.Now().UTC().Truncate(time.Millisecond)
		err = t.archive.StoreProof(ctx, full.Epoch, p)
	}
	if err != nil {
		t.observe.Observe(event.Event{At: time.Now(), Kind: event.ProofFailed, Level: event.Warn, Epoch: full.Epoch,
			Revision: full.Last, Err: err, Message: "the cluster's hash at the full's revision could not be recorded"})
		return
	}
	t.observe.Observe(event.Event{At: time.Now(), Kind: event.ProofRecorded, Epoch: full.Epoch, Revision: full.Last,
		Message: fmt.Sprintf("member %s answered %s", p.MemberID, p.Hash)})
}

// hash asks a follower, or the only member, for HashKV at the full's revision.
func (t *Taker) hash(ctx context.Context, full ports.FullFacts) (proof.Recorded, error) {
	candidates, err := t.Candidates(ctx)
	if err != nil {
		return proof.Recorded{}, err
	}
	err = fault.New(fault.Unavailable, "record proof", "", "no member can compute it")
	for _, c := range cluster.Hashers(candidates, full.Last) {
		var h proof.Hash
		if h, err = t.Hash(ctx, c, full.Last); err != nil {
			continue
		}
		if err = proof.Usable(h, full.Last, full.Compact); err != nil {
			continue
		}
		return proof.Recorded{Hash: h, MemberID: c.Member.ID.String()}, nil
	}
	return proof.Recorded{}, err
}

// Hash asks a member for its HashKV at a revision. Its sidecar is told before that
// the member may be busy.
func (t *Taker) Hash(ctx context.Context, c cluster.Candidate, revision int64) (proof.Hash, error) {
	ctx, cancel := context.WithTimeout(ctx, hashPatience)
	defer cancel()
	done := t.busy(ctx, c.Member.ID, "HashKV scan", time.Now().Add(hashPatience))
	defer done()
	return t.maint.HashKV(ctx, c.Member, revision)
}

// Candidates asks all members for their status at once.
func (t *Taker) Candidates(ctx context.Context) ([]cluster.Candidate, error) {
	members, err := t.cluster.Members(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]cluster.Candidate, len(members))
	var g errgroup.Group
	for i, m := range members {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, statusTimeout)
			defer cancel()
			s, err := t.cluster.MemberStatus(ctx, m)
			out[i] = cluster.Candidate{Member: m, Status: s, Err: err}
			return nil
		})
	}
	return out, g.Wait()
}
