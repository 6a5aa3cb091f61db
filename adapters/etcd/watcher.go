package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

const opWatch = "watch through etcd member"

// wholeLimit is the largest response that is taken in one piece, in bytes. It is
// there twice for a moment: as received, and in one run.
const wholeLimit = 32 << 20

// Watcher opens watches on the whole keyspace.
//
// Only a response above a limit is asked for in fragments, by breaking the watch
// off and letting the next one be fragmented. To find where to cut, etcd
// measures a fragment anew for each event that it adds, which takes it up to a
// minute of a core where one revision deletes 100,000 keys; in one piece the same
// response takes no time. Without fragments, on the other hand, a response has
// no bound.
type Watcher struct {
	pool *pool
	// limit is wholeLimit, but for tests.
	limit int
	// pieces is set when a response was too large, for the next watch.
	pieces atomic.Bool
}

var _ ports.Watcher = (*Watcher)(nil)

// Watch starts at revision from. It prefers a voter that is not the leader,
// since catching up is work for whoever serves it, and one that did not fail
// lately. See ports.Watcher.
func (w *Watcher) Watch(ctx context.Context, from int64) (ports.Watch, error) {
	if from < 1 {
		return nil, fault.New(fault.Invalid, "watch", "", fmt.Sprintf("revision %d: the first is 1", from))
	}
	voters, err := w.candidates(ctx)
	if err != nil {
		return nil, err
	}
	fragment := w.pieces.Swap(false)
	var first error
	for _, m := range voters {
		open, err := w.open(ctx, m, from, fragment)
		if err == nil {
			return open, nil
		}
		if ctx.Err() != nil || !elsewhere(err) {
			return nil, err
		}
		w.pool.failed(m.ID)
		w.pool.logger.DebugContext(ctx, "etcd voter cannot serve the watch", "member", m.ID.String(), "err", err)
		first = worst(first, err)
	}
	if first == nil {
		first = fault.New(fault.Unavailable, "watch", "", "the cluster lists no voting member")
	}
	return nil, first
}

// candidates returns the voters in the order in which to try them: those that
// answer before those that do not, followers before the leader.
func (w *Watcher) candidates(ctx context.Context) ([]cluster.Member, error) {
	members, err := w.pool.list(ctx, false)
	if err != nil {
		return nil, err
	}
	members = slices.DeleteFunc(members, func(m cluster.Member) bool { return m.Learner })
	answers := w.pool.survey(ctx, members)
	w.pool.sort(members, func(m cluster.Member) bool {
		s, ok := answers[m.ID]
		return ok && s.Leader != 0 && s.Leader != m.ID
	})
	// Stable, so that the order among those that answer stays.
	slices.SortStableFunc(members, func(a, b cluster.Member) int {
		return cmp.Compare(silence(answers, a), silence(answers, b))
	})
	return members, nil
}

func (w *Watcher) open(ctx context.Context, m cluster.Member, from int64, fragment bool) (*watch, error) {
	l, err := w.pool.linkTo(m)
	if err != nil {
		return nil, err
	}
	limit := w.limit
	if fragment {
		limit = math.MaxInt32
	}
	var open *watch
	err = l.tokens.with(ctx, l, func(attached context.Context) (err error) {
		request := &pb.WatchCreateRequest{Key: firstKey, RangeEnd: firstKey, StartRevision: from, Fragment: fragment}
		open, err = startWatch(requireLeader(attached), l, request, w.pool.cfg.dialTimeout(), limit)
		return err
	})
	if err != nil {
		return nil, failure(opWatch, m.ID.String(), err)
	}
	open.outer, open.from, open.watcher = ctx, from, w
	if err := open.served(ctx); err != nil {
		open.Close()
		return nil, err
	}
	return open, nil
}

var watchDesc = grpc.StreamDesc{StreamName: "Watch", ServerStreams: true, ClientStreams: true}

// startWatch opens a stream with one watch on it and waits, for at most limit,
// until the member has created it. size bounds a response in bytes.
func startWatch(ctx context.Context, l *link, request *pb.WatchCreateRequest, limit time.Duration, size int) (*watch, error) {
	ctx, settled, cancel := l.await(ctx)
	ctx, expire := context.WithCancelCause(ctx)
	w := &watch{link: l, ctx: ctx, cancel: func() { expire(nil); cancel() }}
	timer := time.AfterFunc(limit, func() { expire(context.DeadlineExceeded) })
	err := w.create(ctx, request, size)
	settled()
	if inTime := timer.Stop(); inTime && err == nil {
		return w, nil
	}
	w.cancel()
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return nil, context.DeadlineExceeded
	}
	return nil, because(ctx, err)
}

func (w *watch) create(ctx context.Context, request *pb.WatchCreateRequest, size int) (err error) {
	w.stream, err = w.link.conn.NewStream(ctx, &watchDesc, pb.Watch_Watch_FullMethodName,
		grpc.ForceCodecV2(frameCodec{}), grpc.MaxCallRecvMsgSize(size))
	if err != nil {
		return err
	}
	// A send that fails with io.EOF has its reason in what is received.
	_ = w.stream.SendMsg(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: request}})
	r, err := w.receive()
	switch {
	case err != nil:
		return err
	case r.canceled:
		return cancelError(r.reason)
	case !r.created || len(r.records) > 0:
		return malformed("a watch that begins without having been created")
	}
	w.member, w.created = cluster.ID(r.member), r.revision
	return nil
}

// served makes sure that the member still has revision from. etcd accepts any
// watch and cancels it later.
func (w *watch) served(ctx context.Context) error {
	if w.from > w.created {
		return nil
	}
	ctx, cancel := w.watcher.pool.share(ctx, 1)
	defer cancel()
	_, err := rangeHeader(ctx, w.link, &pb.RangeRequest{Key: firstKey, CountOnly: true, Serializable: true, Revision: w.from})
	if !errors.Is(rpctypes.Error(err), rpctypes.ErrCompacted) {
		return failure(opWatch, w.member.String(), err)
	}
	compact, err := compactRevision(ctx, w.link, w.member)
	if err != nil {
		return failure(opWatch, w.member.String(), err)
	}
	return w.compacted(compact)
}

// compactRevision returns the compact revision of the member at the end of l, 0
// if it was never compacted.
//
// etcd names it only when it cancels a watch. A watch at revision 1 is cancelled
// at once, without a scan, but only after a compaction: before, it would read
// the whole history, hence the question whether revision 1 is gone.
func compactRevision(ctx context.Context, l *link, m cluster.ID) (int64, error) {
	const op = "ask compact revision of etcd member"
	header, err := rangeHeader(ctx, l, &pb.RangeRequest{Key: firstKey, CountOnly: true, Serializable: true, Revision: 1})
	if err == nil {
		return 0, mustBe(op, m, header.GetMemberId())
	}
	if !errors.Is(rpctypes.Error(err), rpctypes.ErrCompacted) {
		return 0, failure(op, m.String(), err)
	}
	var compact int64
	err = l.tokens.with(ctx, l, func(ctx context.Context) error {
		w, err := startWatch(ctx, l, &pb.WatchCreateRequest{Key: firstKey, StartRevision: 1}, DefaultDialTimeout, wholeLimit)
		if err != nil {
			return err
		}
		defer w.Close()
		if err := mustBe(op, m, uint64(w.member)); err != nil {
			return err
		}
		for compact == 0 {
			r, err := w.receive()
			switch {
			case err != nil:
				return err
			case r.canceled && r.compact == 0:
				return cancelError(r.reason)
			}
			compact = r.compact
		}
		return nil
	})
	return compact, failure(op, m.String(), err)
}
