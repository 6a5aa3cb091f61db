package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// watch is one stream with one watch on it. At most one response is in memory;
// the rest waits in the connection's window, and beyond that at the member.
type watch struct {
	watcher *Watcher
	link    *link
	outer   context.Context // the caller's
	ctx     context.Context // of the stream
	cancel  func()
	stream  grpc.ClientStream
	member  cluster.ID
	from    int64
	created int64 // the member's revision when it accepted the watch

	frame   frame
	decoder decoder
	err     error // final
}

var _ ports.Watch = (*watch)(nil)

// Next blocks for the next changes. See ports.Watch.
func (w *watch) Next() (ports.Changes, error) {
	for w.err == nil {
		r, err := w.receive()
		switch {
		case err != nil:
			w.end(err)
		case r.compact != 0:
			w.end(w.compacted(r.compact))
		case r.canceled:
			w.end(cancelError(r.reason))
		case len(r.records) > 0:
			return ports.Changes{
				Records: r.records, Header: r.revision, RaftTerm: r.raftTerm, Open: r.fragment, Received: time.Now(),
			}, nil
		}
	}
	return ports.Changes{}, w.err
}

func (w *watch) receive() (response, error) {
	if err := w.stream.RecvMsg(&w.frame); err != nil {
		return response{}, err
	}
	return w.decoder.decode(w.frame.data)
}

// end makes err final, in the terms of ports.Watch.
func (w *watch) end(err error) {
	switch {
	case w.outer.Err() != nil:
		w.err = w.outer.Err()
	case w.ctx.Err() != nil: // Close
		w.err = context.Canceled
	case errors.Is(err, io.EOF):
		w.err = fault.New(fault.Unavailable, opWatch, w.member.String(), "the member ended the stream")
	case status.Code(err) == codes.ResourceExhausted && !saidByEtcd(err):
		w.watcher.pieces.Store(true)
		w.err = &fault.Error{
			Kind: fault.Unavailable, Op: opWatch, Object: w.member.String(), Err: err,
			Detail: "the next watch takes the response in pieces",
		}
		w.Close()
		return // the member did nothing wrong
	default:
		w.err = failure(opWatch, w.member.String(), err)
	}
	if errors.Is(w.err, fault.Unavailable) {
		w.watcher.pool.failed(w.member)
	}
	w.Close()
}

func (w *watch) compacted(at int64) error {
	return fault.New(fault.NotFound, opWatch, w.member.String(),
		fmt.Sprintf("revision %d was asked for, history at and below %d was compacted", w.from, at))
}

// CompactRevision returns the compact revision of the member that serves the
// watch.
func (w *watch) CompactRevision(ctx context.Context) (int64, error) {
	return compactRevision(ctx, w.link, w.member)
}

// Member returns the member that serves the watch.
func (w *watch) Member() cluster.ID { return w.member }

// Close ends the stream.
func (w *watch) Close() { w.cancel() }
