package e2e

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// switchable is a TCP proxy whose other end can be changed, as a Service's can.
type switchable struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
	open     []net.Conn
}

func newSwitch(t *testing.T, endpoint string) *switchable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &switchable{listener: l, target: host(t, endpoint)}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.to("")
		conns.Wait()
	})
	return s
}

func host(t *testing.T, endpoint string) string {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func (s *switchable) endpoint() string { return "http://" + s.listener.Addr().String() }

// to sends new connections to another endpoint and breaks the old ones.
func (s *switchable) to(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, err := url.Parse(endpoint); err == nil {
		s.target = u.Host
	}
	for _, c := range s.open {
		c.Close()
	}
	s.open = nil
}

func (s *switchable) serve(c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	target := s.target
	s.mu.Unlock()
	out, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer out.Close()
	s.mu.Lock()
	s.open = append(s.open, c, out)
	s.mu.Unlock()
	go func() { _, _ = io.Copy(out, c); out.Close() }()
	_, _ = io.Copy(c, out)
}
