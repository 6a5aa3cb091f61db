package restore

import "github.com/revkeeper/revkeeper/domain/snapshot"

// DescriptionsKept is how many bytes of descriptions a restore keeps between its
// look at all deltas of a path and their turn: those of about ten thousand. The
// rest is read again.
const DescriptionsKept = 16 << 20

// Descriptions are those of deltas that were read already, up to a bound of memory.
// A nil one has none. It may be read from several goroutines once it is filled.
type Descriptions struct {
	left int
	of   map[snapshot.Ref]snapshot.Envelope
}

// NewDescriptions returns Descriptions that keep so many bytes at most.
func NewDescriptions(bytes int) *Descriptions {
	return &Descriptions{bytes, map[snapshot.Ref]snapshot.Envelope{}}
}

// Keep keeps a description, unless there is no room left for it.
func (d *Descriptions) Keep(delta snapshot.Ref, env snapshot.Envelope) {
	if need := weight(env); need <= d.left {
		d.left -= need
		d.of[delta] = env
	}
}

// Of returns the description of a delta, if it was kept.
func (d *Descriptions) Of(delta snapshot.Ref) (env snapshot.Envelope, kept bool) {
	if d == nil {
		return env, false
	}
	env, kept = d.of[delta]
	return env, kept
}

// weight is about how many bytes a description takes in memory.
func weight(env snapshot.Envelope) int {
	return 1000 + 150*len(env.Segments) + 60*len(env.Times) + 40*len(env.Leases) + 50*len(env.Tail)
}
