// Package render turns results into what a person, or a program, reads.
package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/words"
)

// JSON writes v, indented.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// page collects lines and columns, and is written in one go.
type page struct {
	buffer bytes.Buffer
	table  *tabwriter.Writer
}

func newPage() *page {
	p := &page{}
	p.table = tabwriter.NewWriter(&p.buffer, 0, 0, 2, ' ', 0)
	return p
}

// line writes one line outside of any column.
func (p *page) line(format string, args ...any) {
	_ = p.table.Flush()
	fmt.Fprintf(&p.buffer, format+"\n", args...)
}

// row writes one line of columns. Rows in a row are aligned.
func (p *page) row(columns ...string) {
	fmt.Fprintln(p.table, strings.Join(columns, "\t"))
}

// writeTo writes everything, without spaces at the ends of lines, and nothing that a
// terminal would act upon.
func (p *page) writeTo(w io.Writer) error {
	_ = p.table.Flush()
	lines := strings.Split(visible(p.buffer.String()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\n"))
	return err
}

// bytesOf is a size that is not always known: the listing's rules carry none for
// descriptions, proofs and notes.
func bytesOf(n int64) string {
	if n == 0 {
		return "-"
	}
	return size(n)
}

// size is a number of bytes for people.
func size(n int64) string { return words.Size(n) }

func instant(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func ranges(rs []chain.Range) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}

// count is a number with its noun.
func count(n int, one, more string) string { return words.Count(n, one, more) }

// oneLine keeps a text that comes from elsewhere from breaking the layout, and the
// terminal.
func oneLine(text string) string { return visible(strings.Join(strings.Fields(text), " ")) }

// visible takes out of a text what a terminal would act upon, and what would turn
// the order in which it is read.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}
