package watchserver

import (
	"context"
	"errors"
	"io"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

type watches struct {
	pb.UnimplementedWatchServer
	*Server
}

// Watch answers until the client goes. Everything is pushed to every watch, whatever its keys: HTTP/2 flow control alone
// decides how fast.
func (s *watches) Watch(stream pb.Watch_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	session := &session{Server: s.Server, stream: stream, cancels: map[int64]context.CancelFunc{}}
	defer session.rest()
	defer cancel()
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case request.GetCreateRequest() != nil:
			err = session.create(ctx, request.GetCreateRequest())
		case request.GetCancelRequest() != nil:
			err = session.cancel(request.GetCancelRequest().WatchId)
		case request.GetProgressRequest() != nil:
			err = session.send(&pb.WatchResponse{Header: s.header(), WatchId: -1})
		}
		if err != nil {
			return err
		}
	}
}

// session is one stream with its watches.
type session struct {
	*Server
	stream  pb.Watch_WatchServer
	sending sync.Mutex
	pushing sync.WaitGroup
	pushed  bool
	nextID  int64
	cancels map[int64]context.CancelFunc
}

func (s *session) send(message any) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.stream.SendMsg(message)
}

// create starts to push. Revisions that are not recorded count as compacted, so a watch at 1 names the revision of the base.
func (s *session) create(ctx context.Context, request *pb.WatchCreateRequest) error {
	id := request.WatchId
	if id == 0 {
		id = s.nextID
		s.nextID++
	}
	if err := s.send(&pb.WatchResponse{Header: s.header(), WatchId: id, Created: true}); err != nil {
		return err
	}
	start := request.StartRevision
	if start == 0 {
		start = s.head.Load() + 1
	}
	if base := s.source.Base.Revision; start <= base {
		return s.send(&pb.WatchResponse{
			Header: s.header(), WatchId: id, Canceled: true, CompactRevision: base,
			CancelReason: "etcdserver: mvcc: required revision has been compacted",
		})
	}
	ctx, s.cancels[id] = context.WithCancel(ctx)
	s.pushed = true
	s.pushing.Go(func() {
		if err := s.push(ctx, id, start); err != nil && ctx.Err() == nil {
			// A stream that is broken cannot be told; the receiver then learns it from the stream.
			_ = s.send(&pb.WatchResponse{Header: s.header(), WatchId: id, Canceled: true, CancelReason: err.Error()})
		}
	})
	return nil
}

// rest waits until nothing is pushed any more. The next reader finds the member as this one did.
func (s *session) rest() {
	s.pushing.Wait()
	if s.pushed {
		s.head.Store(s.first)
	}
}

func (s *session) cancel(id int64) error {
	cancel, ok := s.cancels[id]
	if !ok {
		return nil
	}
	cancel()
	delete(s.cancels, id)
	return s.send(&pb.WatchResponse{Header: s.header(), WatchId: id, Canceled: true})
}

// push sends the recorded responses from a revision on, and returns after the last.
func (s *session) push(ctx context.Context, id, from int64) error {
	recording, err := s.source.OpenRecording()
	if err != nil {
		return err
	}
	defer recording.Close()
	fields := withWatchID(id)
	for revision := s.source.Base.Revision + 1; ctx.Err() == nil; revision++ {
		response, err := recording.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if revision < from {
			continue
		}
		s.head.Store(max(s.first, revision))
		if err := s.send(recorded{response: response, fields: fields}); err != nil {
			return err
		}
	}
	return ctx.Err()
}
