package proof

import "time"

// Point is a revision of a timeline that something is known of.
type Point struct {
	Epoch    int // timeline; 0 for no point
	Revision int64
	At       time.Time     // when it became known
	Took     time.Duration // of what was verified: how long the rebuilding took
}

// Later returns the point that is of the later timeline, or of the higher revision
// in one.
func (p Point) Later(o Point) Point {
	if o.Epoch > p.Epoch || o.Epoch == p.Epoch && o.Revision >= p.Revision {
		return o
	}
	return p
}

// Standing is how far a backup is proven, as far as one sidecar knows.
type Standing struct {
	Recorded Point         // the newest revision that live members hashed
	Verified Point         // the newest of them up to which what the store holds was rebuilt and compared
	Differ   *Disagreement // set while the members disagree
}
