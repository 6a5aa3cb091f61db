// Package watchserver plays an etcd member that has everything to tell at once: it pushes a recorded watch as fast as it is
// read, so that a benchmark measures the reader. Only what a backup asks of a member is answered.
package watchserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/revkeeper/revkeeper/tests/bench/source"
)

// Config says what to serve.
type Config struct {
	Source *source.Source
	// Head is the revision that headers name; 0 means the last that is recorded. A reader that asks for the head and
	// watches what comes after it needs Source.Base.Revision here, or it is sent nothing. While a watch is pushed, the head
	// is at what was sent, for a reader wonders about what lies above it.
	Head int64
}

// Server is a member on loopback.
type Server struct {
	// Endpoint is host:port; there is no TLS.
	Endpoint string

	source *source.Source
	first  int64 // the head before and after a watch
	head   atomic.Int64
	grpc   *grpc.Server
	served chan error
}

// Start begins to serve. The caller closes the server.
func Start(ctx context.Context, config Config) (*Server, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		Endpoint: listener.Addr().String(),
		source:   config.Source,
		first:    config.Head,
		grpc:     grpc.NewServer(grpc.ForceServerCodecV2(newCodec()), grpc.WaitForHandlers(true), grpc.WriteBufferSize(256<<10)),
		served:   make(chan error, 1),
	}
	if s.first == 0 {
		s.first = s.source.Last.Revision
	}
	s.head.Store(s.first)
	pb.RegisterWatchServer(s.grpc, &watches{Server: s})
	pb.RegisterKVServer(s.grpc, &keys{Server: s})
	pb.RegisterMaintenanceServer(s.grpc, &maintenance{Server: s})
	pb.RegisterClusterServer(s.grpc, &cluster{Server: s})
	pb.RegisterLeaseServer(s.grpc, &leases{Server: s})
	pb.RegisterAuthServer(s.grpc, &auth{Server: s})
	go func() { s.served <- s.grpc.Serve(listener) }()
	return s, nil
}

// Close cuts every connection and returns when nothing runs any more. It may be called once.
func (s *Server) Close() error {
	s.grpc.Stop()
	if err := <-s.served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("watch server: %w", err)
	}
	return nil
}

// header is that of every answer.
func (s *Server) header() *pb.ResponseHeader {
	return &pb.ResponseHeader{
		ClusterId: s.source.ClusterID, MemberId: s.source.MemberID, RaftTerm: s.source.RaftTerm, Revision: s.head.Load(),
	}
}
