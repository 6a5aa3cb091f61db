package bench

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// line is one row of the table: the repetitions of one operation.
type line struct {
	name    string
	costs   []cost
	reports []report
}

// add takes down one repetition.
func (l *line) add(c cost, r report) {
	l.costs, l.reports = append(l.costs, c), append(l.reports, r)
	say("  %-50s %6.2f s  CPU %6.2f s  anon %4.0f MiB", l.name, c.wall.Seconds(), c.cpu.Seconds(), mebi(c.anon))
}

// wall, cpu and anon are medians of whole processes; took and the rest are medians of what they said of themselves.
func (l *line) wall() time.Duration {
	return median(l.costs, func(c cost) time.Duration { return c.wall })
}
func (l *line) cpu() time.Duration {
	return median(l.costs, func(c cost) time.Duration { return c.cpu })
}
func (l *line) anon() int64 { return median(l.costs, func(c cost) int64 { return c.anon }) }

func (l *line) inside(of func(report) time.Duration) time.Duration { return median(l.reports, of) }

// stored is the same in every repetition.
func (l *line) stored() int64 { return l.reports[0].Bytes }

func median[T any, N cmp.Ordered](all []T, of func(T) N) N {
	var values []N
	for _, one := range all {
		values = append(values, of(one))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func mebi(n int64) float64 { return float64(n) / (1 << 20) }

// table prints rows of cells, the first row being the head.
type table [][]string

func (t *table) row(cells ...any) {
	var texts []string
	for _, c := range cells {
		texts = append(texts, fmt.Sprint(c))
	}
	*t = append(*t, texts)
}

// operation adds the row of one line: what it is compared with may be nil.
func (t *table) operation(l, against *line, notes ...string) {
	ratio := ""
	if against != nil {
		ratio = fmt.Sprintf("%.2f x", l.wall().Seconds()/against.wall().Seconds())
	}
	t.row(l.name, fmt.Sprintf("%.2f s", l.wall().Seconds()), ratio, fmt.Sprintf("%.2f s", l.cpu().Seconds()),
		fmt.Sprintf("%.0f MiB", mebi(l.anon())), strings.Join(notes, "; "))
}

func (t table) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, cells := range t {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
}
