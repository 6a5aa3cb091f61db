package etcd

import (
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// streamWindow and connWindow bound what a peer may send ahead of our
	// reading, and so the memory of a watch whose reader is slow.
	streamWindow = 4 << 20
	connWindow   = 8 << 20
	// keepAliveTime may not be below the 5 s that etcd allows by default.
	keepAliveTime    = 10 * time.Second
	keepAliveTimeout = 5 * time.Second
	// maxReconnectWait is short, so that a call during it still learns from a new
	// try whether the peer refuses or keeps silent. (grpc's ResetConnectBackoff,
	// which would try at once, races with a connection that is being made.)
	maxReconnectWait = 400 * time.Millisecond
	// callAttempts is how often a question is asked again because the connection
	// broke under it. All questions here only read.
	callAttempts = 3
)

// link is the connection to one endpoint. It is made when first needed and made
// again when it broke.
type link struct {
	endpoint string
	conn     *grpc.ClientConn
	tokens   *tokens

	mu      sync.Mutex
	waiting map[*context.CancelCauseFunc]struct{}
}

// refusal says why no connection could be made. A peer that keeps silent is not
// a refusal.
type refusal struct {
	err          error
	unauthorized bool
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func newLink(endpoint string, cfg Config, tokens *tokens) (*link, error) {
	u, problem := parseEndpoint(endpoint)
	if problem != "" {
		return nil, fault.New(fault.Invalid, "connect to etcd", redacted(endpoint), "the endpoint "+problem)
	}
	l := &link{endpoint: endpoint, tokens: tokens, waiting: map[*context.CancelCauseFunc]struct{}{}}
	conn, err := grpc.NewClient("passthrough:///"+u.Host,
		grpc.WithTransportCredentials(&transport{cfg: cfg, secure: u.Scheme == "https", report: l.refuse}),
		grpc.WithContextDialer(l.dial),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: maxReconnectWait},
			MinConnectTimeout: cfg.dialTimeout(),
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepAliveTime, Timeout: keepAliveTimeout}),
		grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "connect to etcd", endpoint, err)
	}
	l.conn = conn
	return l, nil
}

func (l *link) close() error { return l.conn.Close() }

// dial goes straight to the endpoint, past any proxy of the environment.
func (l *link) dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil && !silent(err) {
		l.refuse(&refusal{err: err})
	}
	return conn, err
}

// refuse ends every call that waits for a connection.
func (l *link) refuse(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for cancel := range l.waiting {
		(*cancel)(reason)
	}
}

// await returns a context that also ends, with a *refusal as its cause, when a
// connection is refused before settled is called. cancel ends it in any case.
func (l *link) await(ctx context.Context) (waiting context.Context, settled, cancel func()) {
	waiting, end := context.WithCancelCause(ctx)
	key := &end
	l.mu.Lock()
	l.waiting[key] = struct{}{}
	l.mu.Unlock()
	settled = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting, key)
	}
	return waiting, settled, func() { settled(); end(nil) }
}

// call runs one question. It ends with ctx, or when the connection is refused.
func (l *link) call(ctx context.Context, ask func(context.Context) error) error {
	var err error
	for range callAttempts {
		err = l.tokens.with(ctx, l, func(ctx context.Context) error {
			ctx, _, cancel := l.await(ctx)
			defer cancel()
			return because(ctx, ask(ctx))
		})
		// A member that was killed refuses the next connection, and one that
		// stopped answers nothing: asking again tells them apart.
		if !broken(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// once runs what must not be done twice. It ends as call does.
func (l *link) once(ctx context.Context, do func(context.Context) error) error {
	return l.tokens.with(ctx, l, func(ctx context.Context) error {
		ctx, _, cancel := l.await(ctx)
		defer cancel()
		return because(ctx, do(ctx))
	})
}

// because puts the refusal that ended ctx in the place of err, which only says
// that ctx ended.
func because(ctx context.Context, err error) error {
	var r *refusal
	if err != nil && errors.As(context.Cause(ctx), &r) {
		return r
	}
	return err
}

// broken reports whether a connection broke during a call: an Unavailable that
// is none of etcd's own.
func broken(err error) bool {
	s, ok := status.FromError(err)
	return ok && s.Code() == codes.Unavailable && !saidByEtcd(err)
}
