package restore

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
)

// Rates is how fast a restore goes, in stored bytes a second.
type Rates struct {
	Base   float64 // of the full
	Deltas float64
}

// DefaultRates are what a small machine with a slow disk reaches, so that an
// estimate is rather too long.
func DefaultRates() Rates { return Rates{Base: 40 << 20, Deltas: 10 << 20} }

// Took returns how long a path takes of which read bytes are read, the full
// first; all of it, if that is not less than its bytes.
func (r Rates) Took(p chain.Path, read int64) time.Duration {
	base := min(read, p.Base.Size)
	deltas := min(read, p.Bytes()) - base
	return seconds(float64(base)/r.Base + float64(deltas)/r.Deltas)
}

// measurable is after how long a restore tells how fast it is.
const measurable = 2 * time.Second

// Left returns how much longer the reading of a path takes, given how much was
// read in which time: full and deltas take their time in the ratio of the rates,
// and how fast this machine is, was measured. measured is false in the first
// seconds; the rates are then all there is.
func (r Rates) Left(p chain.Path, read int64, elapsed time.Duration) (left time.Duration, measured bool) {
	done, all := r.Took(p, read), r.Took(p, p.Bytes())
	if elapsed < measurable || done <= 0 {
		return all - done, false
	}
	return seconds((all - done).Seconds() * elapsed.Seconds() / done.Seconds()), true
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}
