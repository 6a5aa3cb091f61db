package restore

import (
	"io"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Progress is told how a restore advances, never by two goroutines at once.
type Progress func(Step)

// Step is a moment of a restore.
type Step struct {
	Phase    string // "base", "deltas", "proof", "repack", "finish"; "look" while a rebuilt history is read, "read" while deltas are without one
	Bytes    int64  // stored bytes done, of all objects
	Total    int64  // stored bytes in all
	Records  int64
	Revision int64
	// Left is how long the reading still takes. Measured says that it follows from
	// how fast it went so far, and not from rule.DefaultRates alone.
	Left     time.Duration
	Measured bool
}

// timed returns p with each step's time left, for a path whose reading began at
// an instant. A nil Progress tells nobody.
func (p Progress) timed(path chain.Path, began time.Time) Progress {
	if p == nil {
		return func(Step) {}
	}
	return func(s Step) {
		s.Left, s.Measured = rule.DefaultRates().Left(path, s.Bytes, time.Since(began))
		p(s)
	}
}

// baseStep is how many bytes of a plain full lie between two reports.
const baseStep = 4 << 20

// baseReader reports how far a full was read, in stored bytes: those are known
// of the whole alone, so its plain bytes are counted and scaled.
type baseReader struct {
	io.Reader
	read, told    int64
	plain, stored int64 // sizes of the whole
	report        func(stored int64)
}

func (b *baseReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read += int64(n)
	if b.read-b.told >= baseStep && b.plain > 0 {
		b.told = b.read
		b.report(min(b.stored, b.stored*b.read/b.plain))
	}
	return n, err
}

// Reading tells how the reading of objects of a history advances, without a
// database. It is for one goroutine.
type Reading struct {
	told Progress
	step Step
}

// NewReading begins to tell p, which may be nil, of fulls and deltas of so many stored
// bytes.
func NewReading(p Progress, fulls, deltas int64) *Reading {
	path := chain.Path{Base: timeline.Full{Size: fulls}, Deltas: []timeline.Delta{{Size: deltas}}}
	r := &Reading{told: p.timed(path, time.Now()), step: Step{Phase: "read", Total: fulls + deltas}}
	r.told(r.step)
	return r
}

// Records tells of records that were read of a delta.
func (r *Reading) Records(n int) {
	r.step.Records += int64(n)
	r.told(r.step)
}

// Done tells that an object of so many stored bytes was read.
func (r *Reading) Done(bytes int64) {
	r.step.Bytes += bytes
	r.told(r.step)
}

// Full returns body, of a full of so many plain and stored bytes, so that its reading
// is told of; Done is still to be called.
func (r *Reading) Full(body io.Reader, plain, stored int64) io.Reader {
	return &baseReader{Reader: body, plain: plain, stored: stored, report: func(read int64) {
		s := r.step
		s.Phase, s.Bytes = "base", s.Bytes+read
		r.told(s)
	}}
}
