package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/bootstrap/logging"
)

const (
	barWidth   = 30
	redrawTime = 100 * time.Millisecond
	lineTime   = 10 * time.Second // between two lines where there is no terminal
)

// Progress shows how a restore advances: a bar on a terminal, and elsewhere a
// line for each phase and from time to time. It is for one goroutine.
type Progress struct {
	w        io.Writer
	terminal bool
	from     time.Time // nothing is shown before
	drawn    time.Time
	phase    string
	width    int // of what was drawn last
}

// NewProgress returns a Progress that writes to w.
func NewProgress(w io.Writer) *Progress {
	return &Progress{w: w, terminal: logging.Terminal(w)}
}

// patience is how long a command takes before it shows on a terminal how far it is.
const patience = 300 * time.Millisecond

// NewPatientProgress is NewProgress for a command that is usually short: it shows
// nothing before it takes long, on a terminal or elsewhere.
func NewPatientProgress(w io.Writer) *Progress { return patient(NewProgress(w)) }

func patient(p *Progress) *Progress {
	if p.from = time.Now().Add(lineTime); p.terminal {
		p.from = time.Now().Add(patience)
	}
	return p
}

// Before returns w for the command's output: what it shows of its progress is gone
// before the first byte.
func (p *Progress) Before(w io.Writer) io.Writer { return after{p, w} }

type after struct {
	p *Progress
	w io.Writer
}

// Write implements io.Writer.
func (a after) Write(b []byte) (int, error) {
	a.p.End()
	return a.w.Write(b)
}

var phases = map[string]string{
	"base":   "reading the full",
	"deltas": "applying deltas",
	"proof":  "comparing with the cluster's hash",
	"repack": "leaving out what is not wanted",
	"finish": "making it durable",
	"look":   "looking through it",
	"read":   "reading deltas",
}

// Step shows one moment of the restore.
func (p *Progress) Step(s restore.Step) {
	name, ok := phases[s.Phase]
	if !ok {
		name = s.Phase
	}
	now := time.Now()
	if now.Before(p.from) {
		return
	}
	changed := s.Phase != p.phase
	p.phase = s.Phase
	switch {
	case p.terminal && (changed || now.Sub(p.drawn) >= redrawTime):
		p.drawn = now
		p.draw(bar(s) + fmt.Sprintf(" %3d%%  %s: %s", percent(s), name, done(s)))
	case !p.terminal && (changed || now.Sub(p.drawn) >= lineTime):
		p.drawn = now
		_, _ = fmt.Fprintf(p.w, "%s: %s done\n", name, done(s))
	}
}

// done says how far a restore is, and how long the reading still takes.
func done(s restore.Step) string {
	text := size(s.Bytes) + " of " + size(s.Total)
	if s.Records > 0 {
		text += ", " + count(int(s.Records), "event", "events")
	}
	if s.Left < time.Second {
		return text
	}
	text += ", " + about(s.Left) + " left"
	if !s.Measured {
		text += " by default rates"
	}
	return text
}

// End leaves the line of the bar empty.
func (p *Progress) End() {
	if p.width > 0 {
		p.draw("")
		_, _ = io.WriteString(p.w, "\r")
		p.width = 0
	}
}

// draw replaces what was drawn last.
func (p *Progress) draw(text string) {
	width := len([]rune(text))
	_, _ = fmt.Fprintf(p.w, "\r%s%s", text, strings.Repeat(" ", max(0, p.width-width)))
	p.width = width
}

func bar(s restore.Step) string {
	full := barWidth * percent(s) / 100
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "]"
}

// percent is what is done, of the bytes to read.
func percent(s restore.Step) int {
	if s.Total <= 0 {
		return 0
	}
	return int(min(100, s.Bytes*100/s.Total))
}

// TidyProgress shows on a terminal how a run of retention advances. Elsewhere it
// says nothing: cron would mail it. It is for one goroutine at a time.
type TidyProgress struct{ bar *Progress }

// NewTidyProgress returns a TidyProgress that writes to w.
func NewTidyProgress(w io.Writer) *TidyProgress { return &TidyProgress{NewProgress(w)} }

// Step shows one moment of the run.
func (t *TidyProgress) Step(s retention.Step) {
	p := t.bar
	now := time.Now()
	if !p.terminal || s.Phase == p.phase && now.Sub(p.drawn) < redrawTime {
		return
	}
	p.phase, p.drawn = s.Phase, now
	p.draw(fmt.Sprintf("%s: %d of %d objects, %s", s.Phase, s.Done, s.Total, size(s.Bytes+s.Deleted)))
}

// End leaves the line empty.
func (t *TidyProgress) End() { t.bar.End() }

// Checked shows how many of the objects of a bucket were read.
func (p *Progress) Checked(done, total int, bytes int64) {
	const phase = "objects"
	now := time.Now()
	changed := p.phase != phase
	p.phase = phase
	if p.terminal && (changed || done == total || now.Sub(p.drawn) >= redrawTime) {
		p.drawn = now
		p.draw(fmt.Sprintf("reading: %d of %d objects, %s", done, total, size(bytes)))
	}
}
