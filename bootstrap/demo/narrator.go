package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// narrator prints what happens, with the time since the start, and keeps what
// was proven for the table at the end.
type narrator struct {
	out    io.Writer
	began  time.Time
	color  bool
	proofs []proven
}

type proven struct {
	what, seen string
	held       bool
}

func newNarrator(out io.Writer) *narrator {
	f, ok := out.(*os.File)
	return &narrator{out: out, began: time.Now(),
		color: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

func (n *narrator) paint(code, text string) string {
	if !n.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// chapter begins a part of the story.
func (n *narrator) chapter(title string) {
	fmt.Fprintf(n.out, "\n%s\n", n.paint("1", title))
}

// line tells one thing.
func (n *narrator) line(format string, args ...any) {
	at := fmt.Sprintf("%6.1fs", time.Since(n.began).Seconds())
	fmt.Fprintf(n.out, "%s  %s\n", n.paint("2", at), fmt.Sprintf(format, args...))
}

// prove notes a proof and tells whether it held.
func (n *narrator) prove(held bool, what, seen string) {
	n.proofs = append(n.proofs, proven{what, seen, held})
	n.line("%s %s: %s", n.mark(held), what, seen)
}

func (n *narrator) mark(held bool) string {
	if held {
		return n.paint("32", "✓")
	}
	return n.paint("31", "✗")
}

// table prints all proofs and returns the exit code: 0 if all held.
func (n *narrator) table() int {
	n.chapter("What was proven")
	width := 0
	for _, p := range n.proofs {
		width = max(width, len([]rune(p.what)))
	}
	code := 0
	for _, p := range n.proofs {
		pad := strings.Repeat(" ", width-len([]rune(p.what)))
		fmt.Fprintf(n.out, "  %s %s%s  %s\n", n.mark(p.held), p.what, pad, p.seen)
		if !p.held {
			code = 1
		}
	}
	if code != 0 {
		fmt.Fprintln(n.out, "\na proof broke")
	}
	return code
}
