package fake_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func TestHeartbeatsContract(t *testing.T) {
	contract.Run(t, "fake", func(*testing.T) contract.World {
		h := fake.NewHeartbeats()
		return contract.World{
			Open:   func(*testing.T) ports.Heartbeats { return h },
			TTL:    fake.HeartbeatTTL,
			Shared: true,
			Lapse:  func(_ *testing.T, name string) { h.Lapse(name) },
			Remove: func(_ *testing.T, name string) { h.Remove(name) },
			Spoil:  func(_ *testing.T, name string) { h.Spoil(name) },
			Writes: func(*testing.T) int64 { return h.Writes() },
			Unreachable: func(*testing.T) ports.Heartbeats {
				hangs := fake.NewHeartbeats()
				hangs.Hang(true)
				return hangs
			},
		}
	})
}

func TestHeartbeatsFailOnDemand(t *testing.T) {
	h, b := fake.NewHeartbeats(), contract.Beat(0)
	refusal := fault.New(fault.Unauthorized, "renew", b.Name, "injected")
	h.Fail(refusal)
	if err := h.Renew(t.Context(), b); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	if _, err := h.List(t.Context(), nil); !errors.Is(err, refusal) {
		t.Errorf("list: got %v", err)
	}
	h.Fail(nil)
	h.Suspend(heartbeat.NoSpace)
	var suspended *heartbeat.Suspension
	if err := h.Renew(t.Context(), b); !errors.As(err, &suspended) || suspended.Why != heartbeat.NoSpace {
		t.Errorf("got %v", err)
	}
	if _, err := h.List(t.Context(), nil); err != nil {
		t.Errorf("list: got %v", err)
	}
	h.Suspend("")
	if err := h.Renew(t.Context(), b); err != nil {
		t.Error(err)
	}
	if got, _, ok := h.Beat(b.Name); !ok || got != b || h.Renewals() != 1 || h.Writes() != 1 {
		t.Errorf("stored %+v, %d renewals, %d writes", got, h.Renewals(), h.Writes())
	}
}

func TestHeartbeatsHangUntilTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fake.NewHeartbeats()
		h.Hang(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := h.Renew(ctx, contract.Beat(0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		ended := make(chan error, 1)
		go func() { ended <- h.Renew(t.Context(), contract.Beat(0)) }()
		synctest.Wait()
		h.Hang(false)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestHeartbeatsAgeWithTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fake.NewHeartbeats()
		h.Put(contract.Beat(1), 3*time.Second)
		time.Sleep(4 * time.Second)
		found, err := h.List(t.Context(), nil)
		if err != nil || len(found) != 1 || found[0].Age != 7*time.Second || found[0].Lapsed() {
			t.Errorf("%+v, %v", found, err)
		}
	})
}
