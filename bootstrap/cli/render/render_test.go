package render

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestFailureNamesWhatOnWhatAndTheRemedy(t *testing.T) {
	inner := fault.New(fault.Unavailable, "put object", "k", "disk full").WithRemedy("free space")
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"an error that nobody classified", errors.New("odd"), "revkeeper: odd\n"},
		{"a fault", inner, "revkeeper: put object k: disk full\n  what to do: free space\n"},
		{"a wrapped fault keeps its remedy apart", fmt.Errorf("HTTP server: %w", inner),
			"revkeeper: HTTP server: put object k: disk full\n  what to do: free space\n"},
		{"the outer remedy comes first", &fault.Error{Kind: fault.Corrupt, Op: "restore", Object: "x", Err: inner, Remedy: "choose another"},
			"revkeeper: restore x: put object k: disk full\n  what to do: choose another\n  what to do: free space\n"},
		{"joined faults", errors.Join(inner, errors.New("and more")),
			"revkeeper: put object k: disk full\nand more\n  what to do: free space\n"},
		{"settings", fault.Problems{{Key: "a.b", Value: "x", Detail: "is wrong", Remedy: "y"}, {Key: "c", Detail: "is required"}},
			"revkeeper: 2 settings to mend:\n  a.b=\"x\": is wrong\n      what to do: y\n  c: is required\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			Failure(&out, tc.err)
			if out.String() != tc.want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), tc.want)
			}
		})
	}
}

func TestProgressOnATerminalIsOneLine(t *testing.T) {
	var out strings.Builder
	p := &Progress{w: &out, terminal: true}
	p.Step(restore.Step{Phase: "deltas", Bytes: 512, Total: 1024})
	p.Step(restore.Step{Phase: "finish", Bytes: 1024, Total: 1024})
	p.End()
	draws := strings.Split(out.String(), "\r")
	if strings.Contains(out.String(), "\n") || len(draws) != 5 {
		t.Fatalf("drawn %q", out.String())
	}
	if want := "[===============               ]  50%  applying deltas: 512 B of 1.0 KiB"; draws[1] != want {
		t.Errorf("drawn %q, want %q", draws[1], want)
	}
	if !strings.Contains(draws[2], "100%  making it durable: 1.0 KiB of 1.0 KiB") {
		t.Errorf("drawn %q", draws[2])
	}
	if strings.TrimSpace(draws[3]) != "" || len(draws[3]) < len(strings.TrimRight(draws[2], " ")) {
		t.Errorf("the line is not emptied: %q", draws[3])
	}
}

func TestProgressElsewhereIsALineForEachPhase(t *testing.T) {
	var out strings.Builder
	p := NewProgress(&out)
	for bytes := range int64(50) {
		p.Step(restore.Step{Phase: "deltas", Bytes: bytes, Total: 50})
	}
	p.Step(restore.Step{Phase: "proof", Bytes: 50, Total: 50})
	p.End()
	const want = "applying deltas: 0 B of 50 B done\ncomparing with the cluster's hash: 50 B of 50 B done\n"
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

func TestProgressOfNothing(t *testing.T) {
	if got := percent(restore.Step{}); got != 0 {
		t.Errorf("percent = %d", got)
	}
	if got := percent(restore.Step{Bytes: 9, Total: 3}); got != 100 {
		t.Errorf("percent = %d", got)
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 310 << 20: "310.0 MiB", 5 << 40: "5.0 TiB", 1 << 62: "4.0 EiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}

// What comes from elsewhere may not act on the terminal: clear it, colour it, write
// over what stands there, or turn the order of what is read.
func TestNothingActsOnTheTerminal(t *testing.T) {
	const evil = "a\x1b[2J\x07b\u009b31mc\u202ed\x7f\re"
	acts := func(text string) bool {
		return strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	}
	if got := oneLine("  " + evil + "\n\tnext "); acts(got) || got != "a·[2J·b·31mc·d· e next" {
		t.Errorf("one line: %q", got)
	}
	var page, line, failure strings.Builder
	p := newPage()
	p.line("%s", evil)
	p.row("x", evil)
	err := errors.Join(p.writeTo(&page), Line(&line, "%s", evil))
	Failure(&failure, fault.New(fault.Corrupt, "read", evil, evil).WithRemedy(evil))
	Failure(&failure, fault.Problems{{Key: evil, Detail: evil, Remedy: evil}})
	if err != nil || acts(page.String()) || acts(line.String()) || acts(failure.String()) {
		t.Errorf("%q, %q, %q, %v", page.String(), line.String(), failure.String(), err)
	}
	if !strings.Contains(failure.String(), "what to do: a·[2J") {
		t.Errorf("%q", failure.String())
	}
}
