package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A round trip takes twice the delay at least, and nothing is lost or reordered.
func TestEachDirectionIsDelayed(t *testing.T) {
	echo := listen(t)
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	l := &link{to: echo.Addr().String()}
	entrance := listen(t)
	go l.serve(entrance)
	c, err := net.Dial("tcp", entrance.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	for _, each := range []time.Duration{0, 60 * time.Millisecond} {
		answer := httptest.NewRecorder()
		l.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, "/delay?each="+each.String(), nil))
		if answer.Code != http.StatusOK {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
		began := time.Now()
		for _, word := range []string{"one", "two"} {
			if _, err := io.WriteString(c, word); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, len("onetwo"))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "onetwo" {
			t.Fatalf("%q, %v", got, err)
		}
		if took := time.Since(began); took < 2*each {
			t.Errorf("a round trip took %s with %s each way", took, each)
		}
	}
}

// A peer that is not there ends the connection, and a wrong request changes nothing.
func TestNobodyThere(t *testing.T) {
	gone := listen(t)
	_ = gone.Close()
	l := &link{to: gone.Addr().String()}
	entrance := listen(t)
	go l.serve(entrance)
	c, err := net.Dial("tcp", entrance.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes came from nobody", n)
	}
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/delay?each=1s", nil),
		httptest.NewRequest(http.MethodPut, "/delay?each=-1s", nil),
		httptest.NewRequest(http.MethodPut, "/delay", nil),
	} {
		answer := httptest.NewRecorder()
		if l.ServeHTTP(answer, r); answer.Code != http.StatusBadRequest || l.delay.Load() != 0 {
			t.Errorf("%s %s: %d, the delay is %d", r.Method, r.URL, answer.Code, l.delay.Load())
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
