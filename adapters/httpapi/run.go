package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// drainTime is how long requests may go on once the server is to end, and
	// abortTime how long they may take to notice that they were cut off.
	drainTime = 4 * time.Second
	abortTime = time.Second

	headerTime  = 5 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 32 << 10
)

// Run listens and serves until ctx ends, then lets requests finish for a few
// seconds; event streams end at once. It returns nil after ctx ended, within
// five seconds, Unavailable if it cannot listen, and Invalid if a certificate or
// the token cannot be read. It may run again after it returned.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	// Requests outlive ctx by the time they are given to finish.
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	var inFlight sync.WaitGroup
	server := &http.Server{
		Handler:           counted(&inFlight, s.handler),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(requests, draining{}, ctx.Done())
		},
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.announce(listener.Addr())

	select {
	case err := <-served:
		return fault.Wrap(fault.Unavailable, "serve", s.config.Listen, err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(requests, drainTime)
	defer cancel()
	err = server.Shutdown(drain)
	<-served
	if err != nil {
		abort()
		err = errors.Join(server.Close(), waitFor(&inFlight, abortTime))
	}
	return err
}

// Listening returns a channel that is closed once the server listens.
func (s *Server) Listening() <-chan struct{} { return s.listening }

// Addr returns the address that the server last listened on, nil before that.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *Server) announce(addr net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addr == nil {
		close(s.listening)
	}
	s.addr = addr
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Unavailable, Op: "listen on", Object: s.config.Listen, Err: err,
			Remedy: "choose a free port of an address that this host has"}
	}
	if s.token != nil {
		if _, err := s.token.Get(); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	if !s.config.TLS.Enabled() {
		return listener, nil
	}
	config, err := s.tlsConfig()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return tls.NewListener(listener, config), nil
}

type draining struct{}

// drained returns a channel that is closed when the server is to end, and never
// where the handler runs without Run.
func drained(ctx context.Context) <-chan struct{} {
	done, _ := ctx.Value(draining{}).(<-chan struct{})
	return done
}

func counted(inFlight *sync.WaitGroup, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inFlight.Add(1)
		defer inFlight.Done()
		next.ServeHTTP(w, r)
	})
}

// waitFor waits for handlers whose context has ended. One that does not obey
// its context is a defect, and is reported rather than waited for.
func waitFor(inFlight *sync.WaitGroup, limit time.Duration) error {
	done := make(chan struct{})
	go func() {
		inFlight.Wait()
		close(done)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return fault.New(fault.Internal, "end", "requests", "a handler goes on after its context ended")
	}
}
