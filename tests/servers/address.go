package servers

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Servers get ports below those that Linux gives to outgoing connections and to
// whoever listens on port 0, so that nobody takes one before its server does.
const (
	lowestPort  = 2000
	highestPort = 15999
)

// given remembers the ports of this process: a server may not listen yet when
// the next one's port is chosen.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// freeAddress returns a loopback address that nobody listens on and nobody else
// in this process was given. Another process may still take it; the server then
// fails to start and says so.
func freeAddress(t testing.TB) string {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		given.ports[port] = true
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no port is free")
	return ""
}
