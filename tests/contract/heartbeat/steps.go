package heartbeat

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/poll"
)

// silence is how long a place that does not answer is waited for.
const silence = 300 * time.Millisecond

// writes is 0 where writes cannot be counted.
func (w World) writes(t *testing.T) int64 {
	t.Helper()
	if w.Writes == nil {
		return 0
	}
	return w.Writes(t)
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func renew(t *testing.T, h ports.Heartbeats, b heartbeat.Beat) {
	t.Helper()
	if err := h.Renew(bounded(t), b); err != nil {
		t.Fatalf("renew %s of member %s: %v", b.Name, b.MemberID, err)
	}
}

// refused fails the test unless b is refused as another member's, with a remedy.
func refused(t *testing.T, h ports.Heartbeats, b heartbeat.Beat) {
	t.Helper()
	err := h.Renew(bounded(t), b)
	var e *fault.Error
	if !errors.Is(err, fault.Conflict) || !errors.As(err, &e) || e.Remedy == "" {
		t.Fatalf("renew %s of member %s: got %v, want Conflict with a remedy", b.Name, b.MemberID, err)
	}
}

func list(t *testing.T, h ports.Heartbeats) []heartbeat.Seen {
	t.Helper()
	found, err := h.List(bounded(t), Members())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return found
}

// current returns the heartbeat of want's name, which must say want, be there
// once and not have lapsed.
func current(t *testing.T, h ports.Heartbeats, want heartbeat.Card) heartbeat.Seen {
	t.Helper()
	var got []heartbeat.Seen
	for _, s := range list(t, h) {
		if s.Name == want.Name {
			got = append(got, s)
		}
	}
	if len(got) != 1 || got[0].Card != want || got[0].Lapsed() || got[0].Age < 0 {
		t.Fatalf("found %+v, want a current %+v", got, want)
	}
	return got[0]
}

// gone fails the test unless the heartbeat is not there or has lapsed.
func gone(t *testing.T, h ports.Heartbeats, name string) {
	t.Helper()
	for _, s := range list(t, h) {
		if s.Name == name && !s.Lapsed() {
			t.Fatalf("%+v has not lapsed", s)
		}
	}
}

// ends fails the test unless call ends, as Unavailable and with cause.
func ends(t *testing.T, cause error, what string, call func() error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	select {
	case err := <-ended:
		if !errors.Is(err, fault.Unavailable) || !errors.Is(err, cause) {
			t.Errorf("%s: got %v, want Unavailable for %v", what, err, cause)
		}
	case <-time.After(patience):
		t.Fatalf("%s goes on past its context", what)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	poll.Until(t, patience, func() string {
		if ok() {
			return ""
		}
		return what
	})
}
