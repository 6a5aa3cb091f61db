// Package differential runs random programs on a real etcd under backup, restores
// what the store then holds to random revisions, and compares every record, key,
// lease and hash with what the source had and answered.
//
// A program follows from its seed. What etcd makes of the time, as the end of a
// lease or an election, does not; so a replay is the same program, not the same
// history.
package differential

import (
	"fmt"
	"math/rand/v2"

	"github.com/revkeeper/revkeeper/tests/load"
)

// Case is one program.
type Case struct {
	Version    string // as in tests/images
	Members    int
	Operations int
	Samples    int // revisions that are restored
	Seed       uint64
}

// String is the case as ParseCase reads it.
func (c Case) String() string {
	return fmt.Sprintf("%s/%d/%d/%d/%d", c.Version, c.Members, c.Operations, c.Samples, c.Seed)
}

// ParseCase reads what String wrote.
func ParseCase(text string) (c Case, err error) {
	var minor int
	if n, err := fmt.Sscanf(text, "etcd%d/%d/%d/%d/%d", &minor, &c.Members, &c.Operations, &c.Samples, &c.Seed); n != 5 {
		return c, fmt.Errorf("%q is no case, as in etcd37/1/20000/20/4711: %w", text, err)
	}
	c.Version = fmt.Sprintf("etcd%d", minor)
	return c, nil
}

// Event is what happens beside the operations of clients.
type Event string

// The events.
const (
	Begin    Event = "begin"    // the backup begins
	Sample   Event = "sample"   // the source is asked what it has
	Compact  Event = "compact"  // a part of the history goes
	Full     Event = "full"     // a full is asked for
	Takeover Event = "takeover" // the backup ends, what is pending dropped, and begins beside another member, or anew
	Move     Event = "move"     // another member leads, and the backup follows it
	Crash    Event = "crash"    // the leader is killed, and the backup begins elsewhere
	Return   Event = "return"   // the killed member is back
	Tidy     Event = "tidy"     // deltas are rolled up, a full is built, and what they replace is removed
)

// Step is an event, or an operation where there is none.
type Step struct {
	Event     Event
	Operation load.Operation
	// Share is how much of the history that can go goes, from 0 to 1.
	Share    float64
	Physical bool // a compaction is waited for
}

// shape has few keys, so that much happens to each.
var shape = load.Shape{Kinds: 3, Spaces: 3, Objects: 12, Value: 200, Corners: true}

// Script is the whole program of a case. The backup begins early, with one sample
// before it, which only a full holds and newer history with it. There is at least one
// of each event that the number of members allows.
func (c Case) Script() []Step {
	rng := rand.New(rand.NewPCG(c.Seed, 1))
	before := make([][]Step, c.Operations) // events before an operation
	first := c.Operations/50 + 1
	begin := first + 1 + rng.IntN(c.Operations/10)
	add := func(e Event, n, from, to int) {
		for range n {
			at := from + rng.IntN(to-from)
			before[at] = append(before[at], Step{Event: e, Share: rng.Float64(), Physical: rng.IntN(2) == 0})
		}
	}
	before[begin] = append(before[begin], Step{Event: Begin})
	add(Sample, 1, first, begin)
	add(Sample, c.Samples-1, begin, c.Operations)
	add(Compact, max(3, c.Operations/600), begin+1, c.Operations)
	add(Full, max(1, c.Operations/2500), begin+1, c.Operations)
	add(Tidy, max(1, c.Operations/3000), begin+1, c.Operations)
	add(Takeover, max(1, c.Operations/1500), begin+1, c.Operations)
	if c.Members > 1 {
		add(Move, max(1, c.Operations/2500), begin+1, c.Operations)
		add(Crash, max(1, c.Operations/5000), begin+1, c.Operations)
		add(Return, max(2, c.Operations/1000), begin+1, c.Operations)
	}
	program := load.NewProgram(c.Seed, shape)
	var out []Step
	for i := range c.Operations {
		out = append(out, before[i]...)
		out = append(out, Step{Operation: program.Next()})
	}
	return out
}
