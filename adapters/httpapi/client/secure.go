package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync/atomic"

	"github.com/revkeeper/revkeeper/adapters/internal/credential"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// secureDialer makes TLS connections. It asks for the files each time:
// handshakes are rare, and so a renewed file counts from the next one on.
type secureDialer struct {
	dialer      *net.Dialer
	authorities *credential.File[*x509.CertPool]   // nil: the system's
	pair        *credential.File[*tls.Certificate] // nil: there is none
}

func (d *secureDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, NextProtos: []string{"http/1.1"}}
	if d.authorities != nil {
		if config.RootCAs, err = d.authorities.Get(); err != nil {
			return nil, err
		}
	}
	if d.pair != nil {
		pair, err := d.pair.Get()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{*pair}
	}
	raw, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return &greeting{Conn: conn}, nil
}

// greeting marks an error that comes before the server said anything. In TLS
// 1.3 a server judges our certificate after we have finished, so a refusal
// arrives only here; and its alert may be lost when it hangs up with our request
// unread.
type greeting struct {
	net.Conn
	heard atomic.Bool
	ended atomic.Pointer[hungUp] // why it ended, which a write at the same time finds closed by our own side
}

func (g *greeting) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if n > 0 {
		g.heard.Store(true)
	}
	return n, g.judged(err)
}

func (g *greeting) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	return n, g.judged(err)
}

func (g *greeting) judged(err error) error {
	var timeout net.Error
	switch {
	case err == nil || g.heard.Load() || (errors.As(err, &timeout) && timeout.Timeout()):
		return err
	case errors.Is(err, net.ErrClosed):
		if ended := g.ended.Load(); ended != nil {
			return ended
		}
		return err
	}
	ended := &hungUp{err}
	g.ended.CompareAndSwap(nil, ended)
	return ended
}

// inPlain is the error of a request that would go out in plain text, token
// included, where TLS is expected.
func inPlain() error {
	return fault.New(fault.Invalid, "use address", "", "sidecars are asked over TLS here, and it does not begin with https://").
		WithRemedy("an https:// address: the sidecar needs http.tls.certFile and http.tls.keyFile, and its http.advertise must say https if it is set")
}

// hungUp is the end of a connection right after its handshake.
type hungUp struct{ err error }

func (h *hungUp) Error() string { return "hung up after the TLS handshake: " + h.err.Error() }
func (h *hungUp) Unwrap() error { return h.err }

// Unreached says what an error of RoundTrip means: Unauthorized where it is
// about certificates, Invalid where a file of ours or the address cannot be used,
// else Unavailable.
func Unreached(address string, err error) error {
	var (
		own   *fault.Error
		trust *tls.CertificateVerificationError
		alert *net.OpError
		ended *hungUp
	)
	switch {
	case errors.As(err, &own):
		bare := *own
		bare.Remedy = "" // whoever tells only the outermost must tell it too
		return &fault.Error{Kind: own.Kind, Op: "ask sidecar", Object: address, Err: &bare, Remedy: own.Remedy}
	case errors.As(err, &trust):
		return &fault.Error{Kind: fault.Unauthorized, Op: "ask sidecar", Object: address, Err: err,
			Remedy: "name the authority of its certificate, and make sure that the certificate is for this host"}
	case errors.As(err, &alert) && alert.Op == "remote error", errors.As(err, &ended):
		return &fault.Error{Kind: fault.Unauthorized, Op: "ask sidecar", Object: address, Err: err,
			Remedy: "it refuses our certificate: give a client certificate that its http.tls.clientCaFile knows"}
	default:
		return &fault.Error{Kind: fault.Unavailable, Op: "ask sidecar", Object: address, Err: err,
			Remedy: "make sure that the sidecar runs, and that this address can be reached from here"}
	}
}
