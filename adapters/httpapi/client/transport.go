package client

import (
	"net"
	"net/http"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/credential"
)

const (
	// dialTime is how long a connection may take to be made, TLS included.
	dialTime = 5 * time.Second
	// idleTime is how long a connection is kept that nobody uses. It is short,
	// so that renewed certificates count soon.
	idleTime    = 30 * time.Second
	headerBytes = 64 << 10
)

// newTransport returns a transport without proxy, HTTP/2 and compression. It
// does not bound the time until an answer: a full takes an hour.
func newTransport(c Config) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTime}
	secure := &secureDialer{dialer: dialer}
	if c.CA != "" {
		secure.authorities = credential.Authorities(c.CA)
	}
	if c.Cert != "" {
		secure.pair = credential.Pair(c.Cert, c.Key)
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		DialTLSContext:         secure.dial,
		DisableCompression:     true,
		MaxIdleConns:           32,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: headerBytes,
	}
}
