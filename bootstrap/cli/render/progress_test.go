package render

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
)

func TestHowFarARestoreIs(t *testing.T) {
	for _, tc := range []struct {
		step restore.Step
		want string
	}{
		{restore.Step{Total: 1 << 20, Left: 90 * time.Second}, "0 B of 1.0 MiB, about 1m30s left by default rates"},
		{restore.Step{Bytes: 1 << 19, Total: 1 << 20, Records: 1, Left: 1400 * time.Millisecond, Measured: true}, "512.0 KiB of 1.0 MiB, 1 event, about 1s left"},
		{restore.Step{Bytes: 1 << 20, Total: 1 << 20, Records: 70, Measured: true}, "1.0 MiB of 1.0 MiB, 70 events"},
	} {
		if got := done(tc.step); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

// Without a terminal there is a line for each phase, and one now and then.
func TestProgressWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := NewProgress(&out)
		for n := range int64(25) {
			p.Step(restore.Step{Phase: "deltas", Bytes: n, Total: 25, Records: n})
			time.Sleep(time.Second)
		}
		p.Step(restore.Step{Phase: "finish", Bytes: 25, Total: 25})
		p.End()
		const want = "applying deltas: 0 B of 25 B done\napplying deltas: 10 B of 25 B, 10 events done\napplying deltas: 20 B of 25 B, 20 events done\nmaking it durable: 25 B of 25 B done\n"
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}

// A command that is usually short says nothing until it takes long.
func TestPatientProgress(t *testing.T) {
	for _, tc := range []struct {
		story    string
		terminal bool
		takes    time.Duration
		want     string // at the end
	}{
		{"short, without a terminal", false, 9 * time.Second, ""},
		{"long, without a terminal", false, 12 * time.Second, "looking through it: 10 B of 25 B done\n"},
		{"very short, on a terminal", true, 200 * time.Millisecond, ""},
		{"short, on a terminal", true, time.Second, "\r \r"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				p := patient(&Progress{w: &out, terminal: tc.terminal})
				for n := range tc.takes / (100 * time.Millisecond) {
					p.Step(restore.Step{Phase: "look", Bytes: int64(n / 10), Total: 25})
					time.Sleep(100 * time.Millisecond)
				}
				p.End()
				p.End() // is over already
				if got := strings.Join(strings.Fields(out.String()), " "); tc.terminal && tc.want != "" {
					if !strings.Contains(got, "looking through it") || !strings.HasSuffix(out.String(), " \r") {
						t.Errorf("%q", out.String())
					}
				} else if out.String() != tc.want {
					t.Errorf("%q, want %q", out.String(), tc.want)
				}
			})
		})
	}
}

// What a command prints comes after the bar is gone.
func TestNothingIsPrintedIntoTheBar(t *testing.T) {
	var screen strings.Builder
	p := &Progress{w: &screen, terminal: true}
	p.Step(restore.Step{Phase: "look", Bytes: 25, Total: 25})
	out := p.Before(&screen)
	for range 2 {
		if _, err := out.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasSuffix(screen.String(), " \ra line\na line\n") {
		t.Errorf("%q", screen.String())
	}
}
