package eventlog_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func observe(o interface{ Observe(event.Event) }, first, last int64) {
	for rev := first; rev <= last; rev++ {
		o.Observe(event.Event{Kind: event.DeltaStored, Revision: rev})
	}
}

func TestRingKeepsTheLastEventsInOrder(t *testing.T) {
	for _, tc := range []struct {
		name        string
		observed    int64
		first, last int64
	}{
		{"one event", 1, 1, 1},
		{"just full", eventlog.Capacity, 1, eventlog.Capacity},
		{"one too many drops the oldest", eventlog.Capacity + 1, 2, eventlog.Capacity + 1},
		{"round and round", 5*eventlog.Capacity + 7, 4*eventlog.Capacity + 8, 5*eventlog.Capacity + 7},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var ring eventlog.Ring
			observe(&ring, 1, tc.observed)
			got := ring.Recent()
			if len(got) != int(tc.last-tc.first+1) {
				t.Fatalf("%d events, want %d", len(got), tc.last-tc.first+1)
			}
			for i, e := range got {
				if e.Revision != tc.first+int64(i) {
					t.Fatalf("event %d is of revision %d, want %d", i, e.Revision, tc.first+int64(i))
				}
			}
		})
	}
	if got := new(eventlog.Ring).Recent(); len(got) != 0 {
		t.Errorf("an unused ring remembers %v", got)
	}
}

func TestSlowSubscriberMissesEventsAndBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var ring eventlog.Ring
		slow, quick := ring.Subscribe(ctx), ring.Subscribe(ctx)
		received := make(chan int64)
		go func() {
			var n int64
			for range quick {
				n++
			}
			received <- n
		}()
		for rev := int64(1); rev <= 1000; rev++ {
			observe(&ring, rev, rev)
			synctest.Wait() // the quick one keeps up
		}
		cancel()
		if n := <-received; n != 1000 {
			t.Errorf("the quick subscriber received %d of 1000 events", n)
		}
		var n, newest int64
		for e := range slow { // ends, for the channel is closed
			n, newest = n+1, e.Revision
		}
		if n == 0 || n == 1000 || newest != n {
			t.Errorf("the slow subscriber received %d events up to revision %d, want the first few", n, newest)
		}
	})
}

func TestNothingIsSentAfterTheSubscriptionEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var ring eventlog.Ring
		events := ring.Subscribe(ctx)
		time.Sleep(time.Minute)
		synctest.Wait()
		observe(&ring, 1, 3) // would panic on a closed channel
		if e, open := <-events; open {
			t.Errorf("received %+v", e)
		}
	})
}

func TestLoggerWritesWhatApplies(t *testing.T) {
	for _, tc := range []struct {
		name string
		give event.Event
		want string
	}{
		{"a decision", event.Event{Kind: event.RoleChanged, Message: "now Leader: the own member leads etcd"},
			`level=INFO msg="now Leader: the own member leads etcd" event=role_changed`},
		{"a stored delta, with all its fields",
			event.Event{Kind: event.DeltaStored, Message: "stored", Epoch: 2, Revision: 9, Records: 4, Bytes: 77, Took: time.Second},
			`level=INFO msg=stored event=delta_stored timeline=2 revision=9 records=4 bytes=77 took=1s`},
		{"something to look at, with the kind of its error",
			event.Event{Kind: event.StoreRetried, Level: event.Warn, Message: "again", Err: fault.New(fault.Unavailable, "put", "k", "503")},
			`level=WARN msg=again event=store_retried fault=unavailable error="put k: 503"`},
		{"a lost capability", event.Event{Kind: event.DutyFailed, Level: event.Error, Message: "no backup"},
			`level=ERROR msg="no backup" event=duty_failed`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
			eventlog.Logger(log).Observe(tc.give)
			if got := strings.TrimSpace(b.String()); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestFanTellsEverybody(t *testing.T) {
	var a, b eventlog.Ring
	observe(eventlog.Fan(&a, nil, &b), 1, 2)
	if len(a.Recent()) != 2 || len(b.Recent()) != 2 {
		t.Errorf("%d and %d events, want 2 and 2", len(a.Recent()), len(b.Recent()))
	}
}
