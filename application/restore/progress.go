package restore

import (
	"io"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/restore"
)

// Progress is told how a restore advances, never by two goroutines at once.
type Progress func(Step)

// Step is a moment of a restore.
type Step struct {
	Phase    string // "base", "deltas", "proof", "repack", "finish"
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
