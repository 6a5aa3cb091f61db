package meter_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/revkeeper/revkeeper/adapters/objectstore/meter"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/objectstore"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func TestContract(t *testing.T) {
	contract.Run(t, "meter over fake", func(t *testing.T) ports.ObjectStore {
		s, err := meter.New(fake.NewObjectStore(), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestKeeperContract(t *testing.T) {
	var inner *fake.ObjectStore
	contract.RunKeeper(t, "meter over fake", func(t *testing.T) contract.KeptStore {
		inner = fake.NewObjectStore()
		s, err := meter.New(inner, prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, func(*testing.T, contract.KeptStore) { inner.Abandon(time.Now()) })
}

func TestCounts(t *testing.T) {
	inner := fake.NewObjectStore()
	registry := prometheus.NewRegistry()
	s, err := meter.New(inner, registry)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	create := func(key string) { _ = s.Create(ctx, key, strings.NewReader("12345"), 5) }
	read := func(key string) {
		if r, err := s.Open(ctx, key, 0, -1); err == nil {
			_, _ = io.Copy(io.Discard, r)
			_, _ = r.Close(), r.Close()
		}
	}
	create("a")
	create("a") // conflict
	read("a")
	read("missing")
	inner.Inject(fake.Fault{Op: fake.Open, CutAfter: 2})
	read("a") // breaks
	_, _ = s.Stat(ctx, "a")
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, _ = s.Stat(canceled, "a")
	for range s.List(ctx, "", "") {
		break
	}
	inner.Inject(fake.Fault{Op: fake.List, Err: errors.New("unheard of")})
	for range s.List(ctx, "", "") {
	}
	_ = s.Delete(ctx, "a")

	got := gather(t, registry)
	for series, want := range map[string]float64{
		"calls create ok": 1, "calls create conflict": 1,
		"calls open ok": 2, "calls open not_found": 1,
		"calls read ok": 1, "calls read unavailable": 1,
		"calls stat ok": 1, "calls stat canceled": 1,
		"calls list ok": 1, "calls list internal": 1,
		"calls delete ok": 1,
		"bytes sent":      5, "bytes received": 7,
		"durations create": 2, "durations read": 2,
	} {
		if got[series] != want {
			t.Errorf("%s = %v, want %v", series, got[series], want)
		}
	}
}

// gather flattens the three metrics to "short name, label values".
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	short := map[string]string{
		"revkeeper_store_calls_total":           "calls",
		"revkeeper_store_bytes_total":           "bytes",
		"revkeeper_store_call_duration_seconds": "durations",
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := short[f.GetName()]
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = value(m)
		}
	}
	return got
}

func value(m *dto.Metric) float64 {
	if m.Histogram != nil {
		return float64(m.Histogram.GetSampleCount())
	}
	return m.Counter.GetValue()
}

func TestRegisteringTwiceIsAnError(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := meter.New(fake.NewObjectStore(), registry); err != nil {
		t.Fatal(err)
	}
	if _, err := meter.New(fake.NewObjectStore(), registry); !errors.Is(err, fault.Internal) {
		t.Errorf("err = %v", err)
	}
}
