package restore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

const mib = 1 << 20

func path(base int64, deltas ...int64) chain.Path {
	p := chain.Path{Base: timeline.Full{Size: base}}
	for _, n := range deltas {
		p.Deltas = append(p.Deltas, timeline.Delta{Size: n})
	}
	return p
}

func TestHowLongARestoreTakes(t *testing.T) {
	rates := restore.Rates{Base: 40 * mib, Deltas: 10 * mib}
	p := path(400*mib, 100*mib, 100*mib) // 10 s, then 20 s
	for _, tc := range []struct {
		name     string
		read     int64 // MiB
		elapsed  time.Duration
		left     time.Duration
		measured bool
	}{
		{"before anything is read", 0, 0, 30 * time.Second, false},
		{"in the first second nobody knows better", 80, time.Second, 28 * time.Second, false},
		{"the machine is as fast as the rates say", 200, 5 * time.Second, 25 * time.Second, true},
		{"it is twice as fast", 400, 5 * time.Second, 10 * time.Second, true},
		{"it is three times as slow", 500, 60 * time.Second, 30 * time.Second, true},
		{"nothing comes", 0, time.Minute, 30 * time.Second, false},
		{"all is read", 600, 20 * time.Second, 0, true},
		{"a report of more than there is", 700, 20 * time.Second, 0, true},
	} {
		left, measured := rates.Left(p, tc.read*mib, tc.elapsed)
		if left != tc.left || measured != tc.measured {
			t.Errorf("%s: %s left, measured %v; want %s, %v", tc.name, left, measured, tc.left, tc.measured)
		}
	}
	if got := restore.DefaultRates().Took(path(0), 0); got != 0 {
		t.Errorf("nothing takes %s", got)
	}
}

func TestHowMuchRoomARestoreNeeds(t *testing.T) {
	w := restore.Work{Database: 100 * mib, Deltas: 90 * mib, Records: 1000}
	n := w.Needs()
	if again := (restore.Work{Database: w.Database, Deltas: w.Deltas, Records: w.Records, Repack: true}).Needs(); again.Database != 2*n.Database {
		t.Errorf("a database that is written anew needs %+v, otherwise %+v", again, n)
	}
	if n.Database < 200*mib || n.Database > 201*mib || n.Log < 64_000_000 {
		t.Errorf("%+v", n)
	}
	for _, tc := range []struct {
		name string
		free int64
		fits bool
	}{
		{"there is plenty", 1 << 40, true}, {"there is just enough", n.Total(), true},
		{"a byte is missing", n.Total() - 1, false}, {"nothing is free", 0, false},
	} {
		err := n.Fits("/data", tc.free)
		if tc.fits != (err == nil) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err == nil {
			continue
		}
		if short := strings.Contains(err.Error(), "needs about 262.1 MiB, 1 B too little: "); short != (tc.free > 0) {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, want := range []string{"/data", "are free", "needs about 262.1 MiB", "200.0 MiB for the database", "--data-dir", "--skip-space-check"} {
			if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is missing in %v", tc.name, want, err)
			}
		}
	}
}

func TestWhatIsUncertainBeforeARestore(t *testing.T) {
	h := &timeline.History{Proofs: []snapshot.Ref{{Last: 5}, {Last: 20}, {Last: 30}}}
	for _, tc := range []struct {
		name            string
		target, compact int64
		says            string
	}{
		{"the target itself is proven", 20, 0, ""},
		{"one below it is", 25, 0, "known at revision 20"},
		{"only what the full does not hold any more", 8, 6, "no proof"},
		{"the oldest alone is", 7, 0, "known at revision 5"},
		{"the full goes back just to it", 25, 20, "known at revision 20"},
		{"nothing below it is", 4, 0, "no proof"},
	} {
		p := chain.Path{Target: tc.target, Base: timeline.Full{Ref: snapshot.Ref{First: tc.compact}}}
		if got := restore.Unproven(h, p); (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
	for n, want := range map[int]string{1: "1 lease whose TTL nobody recorded got 60 seconds", 2: "2 leases whose TTL nobody recorded got 60 seconds"} {
		if got := restore.DefaultedLeases(n, 60); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := restore.Uncompared(20, 20); got != "" {
		t.Errorf("%q", got)
	}
	if got := restore.Uncompared(20, 21); !strings.Contains(got, "to 21") {
		t.Errorf("%q", got)
	}
	leases := snapshot.Leases{}
	for id, s := range map[int64]snapshot.LeaseState{1: snapshot.LeaseGranted, 2: snapshot.LeaseGone, 3: snapshot.LeaseUnknown} {
		leases.Learn(snapshot.Lease{ID: id, State: s, TTL: 9})
	}
	if got := restore.UnknownLeases(leases); !strings.Contains(got, "recorded: 2;") {
		t.Errorf("%q", got)
	}
	if got := restore.UnknownLeases(snapshot.Leases{}); got != "" {
		t.Errorf("%q", got)
	}
}
