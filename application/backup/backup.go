// Package backup is the leader's duty of keeping every revision: it follows the
// cluster's history, seals it into deltas, uploads them in order and has fulls
// taken when they are due.
package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Config is how the duty behaves. All durations and sizes are positive.
type Config struct {
	Flush schedule.Flush
	Full  schedule.Full
	Retry schedule.Backoff
	// CatchUp is the distance in revisions above which a full is taken instead
	// of watching what was missed.
	CatchUp int64
	// Spill bounds, in bytes, what waits for the store; SpillMemory of it is
	// kept off the disk.
	Spill       int64
	SpillMemory int64
	// HeadInterval is how often an idle backup makes sure that it is complete.
	HeadInterval time.Duration
	AuthInterval time.Duration
	CallTimeout  time.Duration // of a single question to the cluster
}

// Backup is the duty. One Backup runs at a time; what waits for the store
// survives a lost watch, but not the end of Run.
type Backup struct {
	config  Config
	archive ports.Archive
	writer  ports.ArchiveWriter
	cluster ports.Cluster
	watcher ports.Watcher
	fulls   *takefull.Taker
	observe ports.Observer
	sign    Sign
	foreign int        // objects that were told of
	leases  *leaseBook // of this Run: what one session could not say, the next does

	state    *State
	requests chan request // for a delta
	wantFull chan request // for a full
	built    chan timeline.Full
	doubts   chan int // timelines that failed a proof
}

// Sign says who this sidecar is, for what it begins to store; the cluster id is
// filled in. It waits until the sidecar is sure that it leads, and returns ctx's
// error if that ends before.
type Sign func(ctx context.Context) (snapshot.Writer, error)

// New returns the duty of the sidecar that sign names.
func New(c Config, sign Sign, a ports.Archive, w ports.ArchiveWriter, cl ports.Cluster,
	watcher ports.Watcher, fulls *takefull.Taker, o ports.Observer, state *State) *Backup {
	return &Backup{config: c, archive: a, writer: w, cluster: cl, watcher: watcher, fulls: fulls,
		observe: o, sign: sign, state: state, requests: make(chan request), wantFull: make(chan request), built: make(chan timeline.Full, 1), doubts: make(chan int, 1)}
}

// Run backs up until ctx ends, which is when leadership does. What is not
// stored by then is dropped: etcd still has it, and the successor resumes after
// the last stored revision. It returns ctx's error and no other.
func (b *Backup) Run(ctx context.Context) error {
	b.state.begin()
	defer b.state.end()
	b.leases = newLeaseBook()
	q := newQueue(b.config.Spill, b.config.SpillMemory)
	defer q.drop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.upload(ctx, q) })
	g.Go(func() error { return b.sessions(ctx, q) })
	err := g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// sessions follows the history again and again, until ctx ends.
func (b *Backup) sessions(ctx context.Context, q *queue) error {
	failures := 0
	distrust := ""
	for {
		began := time.Now()
		err := b.session(ctx, q, distrust)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > b.config.Retry.Max {
			failures = 0
		}
		distrust = ""
		if errors.Is(err, fault.Diverged) {
			// The stored history is not the cluster's: what follows belongs to
			// another timeline.
			distrust = err.Error()
		}
		b.state.failed(err, time.Now())
		if errors.Is(err, errSpillFull) {
			b.observe.Observe(event.Event{At: time.Now(), Kind: event.SpillFull, Level: event.Error, Err: err, Bytes: q.size(),
				Message: "the watch is given up until the store has what waits for it"})
			b.state.phase("waiting for the store")
			if err := q.waitEmpty(ctx); err != nil {
				return err
			}
		} else {
			b.observe.Observe(event.Event{At: time.Now(), Kind: event.WatchLost, Level: event.Warn, Err: err,
				Message: "following the history ended; it starts again after a pause"})
		}
		failures++
		if err := pause(ctx, b.config.Retry.After(failures)); err != nil {
			return err
		}
	}
}

// session decides how to go on and then follows the history until something
// ends it.
func (b *Backup) session(ctx context.Context, q *queue, distrust string) error {
	b.state.phase("finding where to continue")
	asked := time.Now()
	head, err := b.head(ctx)
	if err != nil {
		return fmt.Errorf("ask the cluster where it is: %w", err)
	}
	b.state.compacted(head.Compact)
	tail, full, err := b.tail(ctx, q)
	if errors.Is(err, fault.Corrupt) {
		// Nothing proves that what follows continues a damaged object, and waiting
		// for somebody to mend it would leave the cluster without a backup.
		distrust, err = err.Error(), nil
	}
	if err != nil {
		return fmt.Errorf("read where the store ends: %w", err)
	}
	verdict := chain.Decide(tail, head, b.config.CatchUp)
	if distrust != "" {
		verdict = chain.Verdict{Action: chain.Begin, Reason: distrust}
	}
	p := position{head: head, asked: asked, tail: tail, verdict: verdict, full: full}
	if verdict.Action == chain.Begin {
		return b.begin(ctx, q, p)
	}
	b.observe.Observe(event.Event{At: time.Now(), Kind: event.Resumed, Epoch: tail.Epoch, Revision: tail.Last,
		Message: fmt.Sprintf("continuing timeline %d: %s", tail.Epoch, verdict.Reason)})
	p.epoch, p.connect = tail.Epoch, full.bridge
	if verdict.Action == chain.ContinueByFull {
		p.from = head.Revision + 1
		if p.connect == nil {
			p.connect = tail
		}
		return b.follow(ctx, q, p)
	}
	p.from = verdict.From
	return b.follow(ctx, q, p)
}

// begin starts a timeline whose base is still to come.
func (b *Backup) begin(ctx context.Context, q *queue, p position) error {
	if p.verdict.Lost.Last > 0 {
		b.observe.Observe(event.Event{At: time.Now(), Kind: event.GapFound, Level: event.Error, Revision: p.verdict.Lost.Last,
			Message: fmt.Sprintf("revisions %s are in no object and can no longer be had", p.verdict.Lost)})
	}
	described, err := b.newTimeline(ctx, p)
	if err != nil {
		return err
	}
	t, err := b.writer.Begin(ctx, described)
	if err != nil {
		return fmt.Errorf("begin timeline: %w", err)
	}
	b.observe.Observe(event.Event{At: time.Now(), Kind: event.TimelineBegan, Epoch: t.Epoch, Revision: t.First,
		Message: fmt.Sprintf("timeline %d begins: %s", t.Epoch, p.verdict.Reason)})
	b.state.began(t.Epoch, p.head.Revision)
	p.epoch, p.from, p.tail, p.full = t.Epoch, p.head.Revision+1, nil, fullState{}
	return b.follow(ctx, q, p)
}

func (b *Backup) head(ctx context.Context) (chain.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, b.config.CallTimeout)
	defer cancel()
	return b.cluster.Head(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
