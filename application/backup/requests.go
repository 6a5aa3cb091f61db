package backup

import (
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// request asks the running session for a delta, or a full, that holds revisions
// up to upTo.
type request struct {
	upTo  int64
	reply chan<- outcome // has room for one
}

// requestPause is how long a request that cannot be answered yet waits to be
// looked at again.
const requestPause = 50 * time.Millisecond

// outcome answers a request; a nil ref without an error says that nothing
// changed.
type outcome struct {
	ref    *snapshot.Ref
	stored func(context.Context) error // waits until the store has it
	err    error
}

var errNotRunning = fault.New(fault.Unavailable, "take snapshot", "", "this sidecar is not backing up").
	WithRemedy("ask the sidecar beside the etcd leader")

// Built tells of a full that was built from what is stored, so that the next one
// from etcd is counted from there. It does not block; one that nobody took up yet
// is replaced.
func (b *Backup) Built(f timeline.Full) {
	select {
	case <-b.built:
	default:
	}
	select {
	case b.built <- f:
	default:
	}
}

// Doubt tells that a timeline failed a proof and carries a suspect mark: the session
// that writes it ends, and the next one begins another. It does not block.
func (b *Backup) Doubt(epoch int) {
	select {
	case b.doubts <- epoch:
	default: // one is on its way
	}
}

// TakeDelta seals everything the cluster has by now and returns once it is in
// the store; nil says that it was there already. On a sidecar that is not
// backing up it returns Unavailable.
func (b *Backup) TakeDelta(ctx context.Context) (*snapshot.Ref, error) {
	return b.ask(ctx, b.requests)
}

// TakeFull takes a full and returns once it is in the store; nil says that
// nothing changed since the newest one. On a sidecar that is not backing up it
// returns Unavailable.
func (b *Backup) TakeFull(ctx context.Context) (*snapshot.Ref, error) {
	return b.ask(ctx, b.wantFull)
}

// ask gives a request for everything up to the cluster's present revision to
// the running session and waits for the outcome.
func (b *Backup) ask(ctx context.Context, session chan<- request) (*snapshot.Ref, error) {
	ended, running := b.state.ending()
	if !running {
		return nil, errNotRunning
	}
	head, err := b.head(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the cluster where it is: %w", err)
	}
	reply := make(chan outcome, 1)
	select {
	case session <- request{upTo: head.Revision, reply: reply}:
	case <-ended:
		return nil, errNotRunning
	case <-ctx.Done():
		return nil, tooLate(ctx, "no session took the request")
	}
	return await(ctx, ended, reply)
}

// await returns a session's answer. The end of the backup is the end of whoever
// would answer.
func await(ctx context.Context, ended <-chan struct{}, reply <-chan outcome) (*snapshot.Ref, error) {
	select {
	case o := <-reply:
		if o.err != nil || o.stored == nil {
			return o.ref, o.err
		}
		return o.ref, o.stored(ctx)
	case <-ended:
		return nil, errNotRunning
	case <-ctx.Done():
		return nil, tooLate(ctx, "it is not stored yet")
	}
}

func tooLate(ctx context.Context, detail string) error {
	return &fault.Error{Kind: fault.Unavailable, Op: "take snapshot", Detail: detail, Err: context.Cause(ctx)}
}

// ripe takes the requests whose changes have all arrived out of the waiting.
func (s *session) ripe() []request {
	var ripe, rest []request
	for _, r := range s.waiting {
		// What was before the watch is in the base, once that is stored.
		if r.upTo <= s.seq.Last() && (r.upTo >= s.p.from || s.based.Load()) {
			ripe = append(ripe, r)
		} else {
			rest = append(rest, r)
		}
	}
	s.waiting = rest
	return ripe
}

// reply answers requests with the delta that was sealed for them, or with what
// still waits for the store, or with nothing.
func (s *session) reply(rs []request, ref *snapshot.Ref) {
	for _, r := range rs {
		o := outcome{ref: ref}
		if number := s.q.last(); number > 0 {
			o.stored = func(ctx context.Context) error { return s.q.waitStored(ctx, number) }
		}
		r.reply <- o
	}
}

// answer ends all waiting requests with an error.
func (s *session) answer(err error) {
	for _, r := range s.waiting {
		r.reply <- outcome{err: fault.Wrap(fault.Unavailable, "take snapshot", "", err)}
	}
	s.waiting = nil
}
