// Command link stands for a long cable: it passes TCP connections on to one
// other address and delays each direction.
//
//	link -listen :2380 -to member:2380 -control :8080
//
// The delay begins with none. PUT /delay?each=200ms on the control address
// changes it, for what passes from then on.
package main

import (
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	parcelSize  = 32 << 10
	// underWay is how many parcels one direction holds: more than fits into a
	// second of what a test writes.
	underWay = 1024
)

func main() {
	listen := flag.String("listen", ":2380", "where connections are taken")
	to := flag.String("to", "", "where they lead")
	control := flag.String("control", ":8080", "where the delay is changed")
	flag.Parse()
	l := &link{to: *to}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	go l.serve(listener)
	log.Fatal(http.ListenAndServe(*control, l))
}

// link delays everything that passes by the same time.
type link struct {
	to    string
	delay atomic.Int64 // nanoseconds
}

// ServeHTTP changes the delay.
func (l *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	each, err := time.ParseDuration(r.FormValue("each"))
	if r.Method != http.MethodPut || r.URL.Path != "/delay" || err != nil || each < 0 {
		http.Error(w, "PUT /delay?each=200ms", http.StatusBadRequest)
		return
	}
	l.delay.Store(int64(each))
}

// serve passes connections on until the listener is closed.
func (l *link) serve(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go l.connect(near)
	}
}

// connect passes one connection on until either end closes it. A peer that
// cannot be reached shows as a connection that ends.
func (l *link) connect(near net.Conn) {
	defer func() { _ = near.Close() }()
	far, err := net.DialTimeout("tcp", l.to, dialTimeout)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			l.pass(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended // etcd's peers do not go on over half a connection
}

// parcel is some bytes and when they arrive.
type parcel struct {
	due  time.Time
	data []byte
}

// pass carries one direction.
func (l *link) pass(from io.Reader, to io.Writer) {
	cable := make(chan parcel, underWay)
	broken := make(chan struct{})
	go func() {
		defer close(cable)
		for {
			data := make([]byte, parcelSize)
			n, err := from.Read(data)
			if n > 0 {
				select {
				case cable <- parcel{due: time.Now().Add(time.Duration(l.delay.Load())), data: data[:n]}:
				case <-broken:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	defer close(broken)
	for p := range cable {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			return
		}
	}
}
