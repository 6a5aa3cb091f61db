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
