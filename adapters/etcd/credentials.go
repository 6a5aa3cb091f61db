package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// transport makes gRPC connections secure, or leaves them plain, and reports
// why a connection could not be made. gRPC itself would give that reason as
// text, and a caller must tell a refused certificate from a dead host.
type transport struct {
	cfg    Config
	secure bool
	report func(error) // called with a *refusal
}

var _ credentials.TransportCredentials = (*transport)(nil)

// ClientHandshake reads the certificate files anew each time: handshakes are
// rare, and this way a rotated file counts from the next connection on.
func (t *transport) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	inner := insecure.NewCredentials()
	if t.secure {
		config, err := tlsConfig(t.cfg)
		if err != nil {
			t.report(&refusal{err: err, unauthorized: true})
			return nil, nil, errors.Join(err, raw.Close())
		}
		inner = credentials.NewTLS(config)
	}
	conn, info, err := inner.ClientHandshake(ctx, authority, raw)
	if err != nil {
		if !silent(err) {
			t.report(&refusal{err: err, unauthorized: refusedCertificate(err)})
		}
		return nil, nil, err
	}
	return &greeting{Conn: conn, secure: t.secure, report: t.report}, info, nil
}

// ServerHandshake is not for clients.
func (t *transport) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

// Info names the protocol.
func (t *transport) Info() credentials.ProtocolInfo {
	if t.secure {
		return credentials.ProtocolInfo{SecurityProtocol: "tls"}
	}
	return credentials.ProtocolInfo{SecurityProtocol: "insecure"}
}

// Clone copies t.
func (t *transport) Clone() credentials.TransportCredentials {
	c := *t
	return &c
}

// OverrideServerName is unused by gRPC.
func (t *transport) OverrideServerName(string) error { return errors.ErrUnsupported }

func tlsConfig(cfg Config) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.InsecureSkipVerify} //nolint:gosec // asked for by the operator
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificate in " + cfg.CA)
		}
	}
	if cfg.Cert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// greeting reports a connection that ends before the peer said anything. In TLS
// 1.3 a server judges the client's certificate after the client has finished,
// so a refusal arrives only here.
type greeting struct {
	net.Conn
	secure bool
	report func(error)
	heard  atomic.Bool
}

func (g *greeting) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if n > 0 {
		g.heard.Store(true)
	}
	g.judge(err)
	return n, err
}

func (g *greeting) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	g.judge(err)
	return n, err
}

func (g *greeting) judge(err error) {
	if err == nil || silent(err) || g.heard.Load() {
		return
	}
	// The server's alert may be lost when it closes with our greeting unread; to
	// be hung up on right after a good handshake means the same.
	g.report(&refusal{err: err, unauthorized: g.secure})
}

// refusedCertificate reports whether a handshake failed over a certificate,
// ours or the server's.
func refusedCertificate(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		alert        *net.OpError
	)
	// crypto/tls gives a received alert as a "remote error" of a private type.
	return errors.As(err, &verification) || errors.As(err, &alert) && alert.Op == "remote error"
}

// silent reports whether err is a timeout or our own doing. Such an error is no
// refusal: the caller goes on waiting until its own deadline.
func silent(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed)
}
