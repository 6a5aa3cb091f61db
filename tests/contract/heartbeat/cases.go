package heartbeat

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

func nobody(t *testing.T, w World) {
	if found := list(t, w.Open(t)); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
}

func made(t *testing.T, w World) {
	renew(t, w.Open(t), Beat(0))
	s := current(t, w.Open(t), Beat(0).Card)
	if s.TTL != w.TTL || s.Age < 0 {
		t.Errorf("age %s of %s, want a TTL of %s", s.Age, s.TTL, w.TTL)
	}
}

func renewed(t *testing.T, w World) {
	h := w.Open(t)
	renew(t, h, Beat(0))
	before := w.writes(t)
	for i := range 20 {
		b := Beat(0)
		b.Leader, b.PeerTLS = i%2 == 0, new(i%3 == 0) // not of the card
		renew(t, h, b)
	}
	if after := w.writes(t); after != before {
		t.Errorf("20 renewals wrote %d times", after-before)
	}
	current(t, h, Beat(0).Card)
}

func youngAgain(t *testing.T, w World) {
	h := w.Open(t)
	renew(t, h, Beat(0))
	old := current(t, h, Beat(0).Card)
	eventually(t, "it grows older", func() bool {
		s := current(t, h, Beat(0).Card)
		grown := s.Age > old.Age
		old = s
		return grown
	})
	eventually(t, "a renewal makes it younger", func() bool {
		renew(t, h, Beat(0))
		return current(t, h, Beat(0).Card).Age < old.Age
	})
}

func changed(t *testing.T, w World) {
	h := w.Open(t)
	b := Beat(0)
	renew(t, h, b)
	for _, change := range []func(){
		func() { b.Address = "http://10.0.0.1:8380" },
		func() { b.Version = "v1.2.4-rc.1+é" },
		func() { b.Address = "" },
	} {
		change()
		renew(t, h, b)
		current(t, w.Open(t), b.Card)
	}
}

func restarted(t *testing.T, w World) {
	renew(t, w.Open(t), Beat(0))
	before := w.writes(t)
	again := w.Open(t)
	for range 3 {
		renew(t, again, Beat(0))
	}
	if after := w.writes(t); after != before {
		t.Errorf("the new beginning wrote %d times", after-before)
	}
	current(t, again, Beat(0).Card)
}

func restartedElsewhere(t *testing.T, w World) {
	old := w.Open(t)
	renew(t, old, Beat(0))
	b := Beat(0)
	b.Address, b.Version = "https://10.0.0.2:8380", "v2.0.0"
	again := w.Open(t)
	renew(t, again, b)
	current(t, old, b.Card)
}

func removed(t *testing.T, w World) {
	h := w.Open(t)
	for range 2 {
		renew(t, h, Beat(0))
		w.Remove(t, Beat(0).Name)
		if found := list(t, h); len(found) != 0 {
			t.Errorf("found %+v after it was removed", found)
		}
	}
	renew(t, h, Beat(0))
	current(t, h, Beat(0).Card)
}

func lapsed(t *testing.T, w World) {
	h := w.Open(t)
	for range 2 {
		renew(t, h, Beat(0))
		w.Lapse(t, Beat(0).Name)
		gone(t, h, Beat(0).Name)
	}
	renew(t, h, Beat(0))
	current(t, h, Beat(0).Card)
}

func spoilt(t *testing.T, w World) {
	h, other := w.Open(t), w.Open(t)
	renew(t, h, Beat(0))
	renew(t, other, Beat(1))
	w.Spoil(t, Beat(0).Name)
	for _, s := range list(t, h) {
		if s.Name == Beat(0).Name {
			t.Errorf("found %+v, which cannot be read", s)
		}
	}
	current(t, h, Beat(1).Card)
	renew(t, h, Beat(0))
	current(t, h, Beat(0).Card)
}

func spoiltBefore(t *testing.T, w World) {
	w.Spoil(t, Beat(0).Name)
	h := w.Open(t)
	if found := list(t, h); len(found) != 0 {
		t.Errorf("found %+v, which cannot be read", found)
	}
	renew(t, h, Beat(0))
	current(t, h, Beat(0).Card)
}

// namesake is a heartbeat of Members()[1] under the name of Members()[0].
func namesake() heartbeat.Beat {
	b := Beat(1)
	b.Name = Beat(0).Name
	return b
}

func conflict(t *testing.T, w World) {
	first, second := w.Open(t), w.Open(t)
	renew(t, first, Beat(0))
	before := w.writes(t)
	for range 2 {
		refused(t, second, namesake())
		current(t, first, Beat(0).Card)
		renew(t, first, Beat(0))
	}
	if after := w.writes(t); after != before {
		t.Errorf("a refused heartbeat wrote %d times", after-before)
	}
}

func inherited(t *testing.T, w World) {
	first, second := w.Open(t), w.Open(t)
	renew(t, first, Beat(0))
	refused(t, second, namesake())
	w.Lapse(t, Beat(0).Name)
	renew(t, second, namesake())
	current(t, second, namesake().Card)
	refused(t, first, Beat(0))
}

func taken(t *testing.T, w World) {
	first, second := w.Open(t), w.Open(t)
	renew(t, first, Beat(0))
	w.Remove(t, Beat(0).Name)
	renew(t, second, namesake())
	for range 2 {
		refused(t, first, Beat(0))
		current(t, second, namesake().Card)
		renew(t, second, namesake())
	}
}

func otherCluster(t *testing.T, w World) {
	first, second := w.Open(t), w.Open(t)
	renew(t, first, Beat(0))
	b := Beat(0)
	b.ClusterID++
	if w.Shared {
		refused(t, second, b)
		current(t, first, Beat(0).Card)
		w.Lapse(t, b.Name)
	}
	renew(t, second, b)
	current(t, second, b.Card)
}

func several(t *testing.T, w World) {
	for i := range Members() {
		renew(t, w.Open(t), Beat(i))
	}
	h := w.Open(t)
	for i := range Members() {
		current(t, h, Beat(i).Card)
	}
	if found := list(t, h); len(found) != len(Members()) {
		t.Errorf("found %+v", found)
	}
}

func bare(t *testing.T, w World) {
	b := Beat(2)
	b.Address, b.Version = "", ""
	renew(t, w.Open(t), b)
	current(t, w.Open(t), b.Card)
}

func race(t *testing.T, w World) {
	contenders := [2]ports.Heartbeats{w.Open(t), w.Open(t)}
	beats := [2]heartbeat.Beat{Beat(0), namesake()}
	var errs [2]error
	var group sync.WaitGroup
	for i := range contenders {
		group.Go(func() { errs[i] = contenders[i].Renew(bounded(t), beats[i]) })
	}
	group.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	if errs[winner] != nil || !errors.Is(errs[1-winner], fault.Conflict) {
		t.Fatalf("got %v and %v, want one Conflict", errs[0], errs[1])
	}
	current(t, contenders[1-winner], beats[winner].Card)
	renew(t, contenders[winner], beats[winner])
}

func concurrent(t *testing.T, w World) {
	h := w.Open(t)
	together(t, h, h)
	current(t, h, Beat(0).Card)
	w.Remove(t, Beat(0).Name)
	together(t, h, h)
	current(t, h, Beat(0).Card)
}

func twins(t *testing.T, w World) {
	a, b := w.Open(t), w.Open(t)
	together(t, a, b)
	current(t, a, Beat(0).Card)
	together(t, a, b)
	current(t, a, Beat(0).Card)
}

// together renews one heartbeat through each of all at once, four times over,
// and lists meanwhile.
func together(t *testing.T, all ...ports.Heartbeats) {
	t.Helper()
	var group sync.WaitGroup
	for _, h := range all {
		for range 4 {
			group.Go(func() {
				if err := h.Renew(bounded(t), Beat(0)); err != nil {
					t.Errorf("renew: %v", err)
				}
				if _, err := h.List(bounded(t), Members()); err != nil {
					t.Errorf("list: %v", err)
				}
			})
		}
	}
	group.Wait()
}

func cancelled(t *testing.T, w World) {
	h := w.Open(t)
	renew(t, h, Beat(0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ends(t, context.Canceled, "Renew", func() error { return h.Renew(ctx, Beat(0)) })
	ends(t, context.Canceled, "the first Renew", func() error { return w.Open(t).Renew(ctx, Beat(1)) })
	ends(t, context.Canceled, "List", func() error { _, err := h.List(ctx, Members()); return err })
	renew(t, h, Beat(0))
	current(t, h, Beat(0).Card)
}

func unreachable(t *testing.T, w World) {
	h := w.Unreachable(t)
	ctx, cancel := context.WithTimeout(t.Context(), silence)
	defer cancel()
	ends(t, context.DeadlineExceeded, "Renew", func() error { return h.Renew(ctx, Beat(0)) })
	ctx, cancel = context.WithTimeout(t.Context(), silence)
	defer cancel()
	ends(t, context.DeadlineExceeded, "List", func() error { _, err := h.List(ctx, Members()); return err })
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	defer time.AfterFunc(silence/2, cancel).Stop()
	ends(t, context.Canceled, "a Renew that is cancelled while it waits", func() error { return h.Renew(ctx, Beat(0)) })
}
