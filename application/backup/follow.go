package backup

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// session follows the history over one watch.
type session struct {
	b     *Backup
	q     *queue
	p     position
	watch ports.Watch

	surroundings *surroundings // what the watch does not carry
	leases       *leaseBook
	fullNow      chan string // a reason to take a full at once
	changes      chan ports.Changes
	handled      chan struct{} // the last changes are not needed any more
	based        atomic.Bool   // a full leads up to where the watch began

	// Of the assembler alone:
	seq     record.Sequence
	compare *comparison // nil once the stored tail was compared
	draft   ports.DeltaDraft
	writer  snapshot.Writer // who began the draft
	oldest  time.Time       // when the draft's first change was seen
	sealed  bool            // a delta was sealed in this session
	// lastTail are the digests of the revisions before the draft, as far as known.
	lastTail []record.RevisionDigest
	overdue  time.Time // since when the draft waits for answers about leases
	waiting  []request // for changes that have not arrived yet, or a base
	partial  bool      // the last revision is not whole yet
}

// follow runs a session until something ends it. The watch is read, sealed,
// asked about and supplemented side by side; nothing of that waits for the
// store.
func (b *Backup) follow(ctx context.Context, q *queue, p position) error {
	w, err := b.watcher.Watch(ctx, p.from)
	if err != nil {
		return fmt.Errorf("watch from revision %d: %w", p.from, err)
	}
	defer w.Close()
	s := &session{
		b: b, q: q, p: p, watch: w,
		surroundings: newSurroundings(p),
		leases:       b.leases,
		fullNow:      make(chan string, 1),
		changes:      make(chan ports.Changes),
		handled:      make(chan struct{}, 1), // the reader may be gone when it is told
		seq:          record.After(p.from - 1),
	}
	if p.tail != nil && p.from <= p.tail.Last+1 {
		s.lastTail = p.tail.Digests
	}
	if p.tail != nil && p.from <= p.tail.Last {
		s.compare = newComparison(p.tail)
	}
	s.based.Store(p.full.ref != nil && p.connect == nil)
	defer s.discard()
	b.leases.begin()
	if p.tail != nil && p.tail.Epoch == p.epoch {
		b.leases.owe(p.tail.Owed)
	}
	if err := s.firstAuth(ctx); err != nil {
		return err
	}
	b.state.phase("watching")
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, w.Close) // ends a waiting Next
	defer stop()
	g.Go(func() error { return s.read(ctx) })
	g.Go(func() error { return s.assemble(ctx) })
	g.Go(func() error { return s.takeFulls(ctx) })
	g.Go(func() error { return s.askAround(ctx) })
	g.Go(func() error { return s.leases.resolve(ctx, b.cluster, b.config.CallTimeout) })
	return g.Wait()
}

// read takes changes off the watch, makes sure that they are whole and hands
// them over one at a time.
func (s *session) read(ctx context.Context) error {
	fresh := true
	for {
		c, err := s.watch.Next()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		first, last := c.Records[0].Main, c.Records[len(c.Records)-1].Main
		if !chain.Live(first, last, c.Header, fresh) {
			if err := s.trust(ctx, first); err != nil {
				return err
			}
		}
		fresh = fresh && c.Open
		select {
		case s.changes <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-s.handled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// trust checks that no compaction can have removed changes from a response that
// was read from history.
func (s *session) trust(ctx context.Context, first int64) error {
	ctx, cancel := context.WithTimeout(ctx, s.b.config.CallTimeout)
	defer cancel()
	compact, err := s.watch.CompactRevision(ctx)
	if err != nil {
		return fmt.Errorf("ask for the compact revision: %w", err)
	}
	s.surroundings.compacted(compact)
	s.b.state.compacted(compact)
	if chain.Trustworthy(first, compact) {
		return nil
	}
	return fault.New(fault.NotFound, "follow history", "",
		fmt.Sprintf("history up to %d was compacted while revision %d was read; it may lack changes", compact, first))
}

// assemble writes changes into drafts and seals them when they are due.
func (s *session) assemble(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.untilDue())
		select {
		case <-ctx.Done():
			s.answer(ctx.Err())
			return ctx.Err()
		case c := <-s.changes:
			err := s.take(ctx, c)
			s.handled <- struct{}{}
			if err != nil {
				s.answer(err)
				return err
			}
			if s.partial = c.Open; c.Open {
				continue // the response, and perhaps its last revision, goes on
			}
			s.surroundings.received(s.seq.Last(), c.RaftTerm)
		case r := <-s.b.requests:
			s.waiting = append(s.waiting, r)
		case <-timer.C:
		}
		if err := s.sealIfDue(); err != nil {
			s.answer(err)
			return err
		}
	}
}

func (s *session) untilDue() time.Duration {
	if len(s.waiting) > 0 {
		return requestPause
	}
	if s.oldest.IsZero() || s.partial {
		return time.Hour
	}
	if !s.overdue.IsZero() {
		return leasePause
	}
	return max(0, time.Until(s.b.config.Flush.Next(s.oldest)))
}

// take compares what is stored already and drafts the rest.
func (s *session) take(ctx context.Context, c ports.Changes) error {
	for _, r := range c.Records {
		if err := s.seq.Next(r); err != nil {
			return err
		}
		if s.compare != nil {
			more, err := s.compare.next(r)
			if err != nil {
				return err
			}
			if more {
				continue
			}
			s.compare = nil
		}
		if err := s.append(ctx, r, c.Received); err != nil {
			return err
		}
	}
	if s.compare != nil && !c.Open {
		return s.compare.whole()
	}
	return nil
}

func (s *session) append(ctx context.Context, r record.Record, received time.Time) (err error) {
	if s.draft == nil {
		if s.writer, err = s.b.signed(ctx, s.p.head); err != nil {
			return err
		}
		s.draft, s.oldest = s.b.writer.Draft(s.q.memoryLeft()), time.Now()
	}
	if !r.Tombstone {
		lease, err := record.Lease(r.KeyValue)
		if err != nil {
			return err
		}
		s.leases.note(lease)
	}
	return s.draft.Append(r, s.surroundings.notBefore(r.Main), received)
}

// sealIfDue seals the draft when its age, its size or somebody asks for it.
func (s *session) sealIfDue() error {
	if s.partial {
		return nil // a delta never splits a revision
	}
	asked := s.ripe()
	if s.draft == nil {
		s.reply(asked, nil)
		return nil
	}
	now := time.Now()
	due, _ := s.b.config.Flush.Due(s.oldest, s.draft.Size(), now)
	due = due || !s.sealed && s.b.config.Flush.First(s.seq.Last(), s.p.head.Revision)
	if !due && len(asked) == 0 {
		return nil
	}
	if s.leases.pending() && (s.overdue.IsZero() || now.Sub(s.overdue) < leaseGrace) {
		if s.overdue.IsZero() {
			s.overdue = now
		}
		s.waiting = append(s.waiting, asked...)
		return nil
	}
	ref, err := s.seal()
	if err != nil {
		s.waiting = append(s.waiting, asked...)
		return err
	}
	s.reply(asked, &ref)
	return nil
}

func (s *session) seal() (snapshot.Ref, error) {
	env := snapshot.Envelope{Writer: s.writer, Epoch: s.p.epoch, Leases: s.leases.sealed(), SealedAt: time.Now().UTC()}
	env.Tail = s.lastTail
	s.surroundings.describe(&env)
	draft := s.draft
	s.draft, s.oldest, s.overdue = nil, time.Time{}, time.Time{}
	sealed, err := draft.Seal(env)
	if err != nil {
		draft.Discard()
		return snapshot.Ref{}, err
	}
	s.lastTail, s.sealed = sealed.Envelope.Tail, true
	if err := s.q.push(sealed); err != nil {
		return sealed.Ref, err
	}
	s.b.state.waits(s.q.size())
	return sealed.Ref, nil
}

func (s *session) discard() {
	if s.draft != nil {
		s.draft.Discard()
	}
}
