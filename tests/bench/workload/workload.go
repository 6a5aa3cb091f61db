// Package workload generates the data of the benchmarks: Kubernetes-like objects and a stream of changes to them.
//
// It is pure and seeded: the same Config gives the same bytes on every machine. Beside each operation it yields the events
// that an etcd holding nothing else would send to a watch of the whole keyspace, so that data can be made, or an etcd
// checked, without trusting either side alone.
package workload

import (
	"iter"
	"math/rand/v2"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// Version changes whenever the same Config would give other bytes; caches are keyed by it.
const Version = 1

// FirstRevision is the revision of the first change made to an empty etcd.
const FirstRevision int64 = 2

// Config says how much data there is. Every field counts; the zero value generates nothing.
type Config struct {
	// Seed selects the data; any value is good.
	Seed uint64 `json:"seed"`
	// Objects is how many objects the base holds, one revision each; at least 1,000, or deletes may run out of keys.
	Objects int `json:"objects"`
	// Events is how many events the stream has, exactly.
	Events int `json:"events"`
	// Leases is how many leases the leased puts share, at least 1.
	Leases int `json:"leases"`
}

// Full is the data that the published figures are about: 100,000 objects, then 300,000 events.
func Full() Config { return Config{Seed: 1, Objects: 100_000, Events: 300_000, Leases: 330} }

// Large is for what must not grow with the data: a base of a little more than 2 GiB, then 1,000,000 events.
func Large() Config { return Config{Seed: 1, Objects: 720_000, Events: 1_000_000, Leases: 330} }

// Small is for tests of the benchmarks themselves: 2,000 objects, then 5,000 events.
func Small() Config { return Config{Seed: 1, Objects: 2_000, Events: 5_000, Leases: 40} }

// Lease is a lease that must be granted before the stream begins.
type Lease struct {
	ID int64 `json:"id"`
	// TTL is in seconds, long enough that nothing expires while the data is made.
	TTL int64 `json:"ttl"`
}

// Class is what an operation of the stream is, as the mix counts them.
type Class string

// The classes. Load is the base; the others are the stream.
const (
	Load      Class = "load"
	Update    Class = "update"
	Create    Class = "create"
	Delete    Class = "delete"
	LeasedPut Class = "leased put"
	Txn       Class = "transaction"
)

// Mix is the share of each class among the operations of the stream.
func Mix() map[Class]float64 {
	return map[Class]float64{Update: 0.72, Create: 0.10, Delete: 0.10, LeasedPut: 0.04, Txn: 0.04}
}

// Change is one put or delete. A delete with an End removes the keys in [Key, End).
type Change struct {
	Delete     bool
	Key, End   []byte
	Value      []byte
	Lease      int64
	tombstones []*entry
	put        *entry
}

// Step is one operation, which is one revision, and what it does. More than one change is a transaction.
// The slices are the receiver's to keep.
type Step struct {
	Class    Class
	Revision int64
	Changes  []Change
	// Events are in the order of their ordinals: the event at index i has the sub revision i.
	Events []*mvccpb.Event
}

// Generator yields the base, then the stream. It is not safe for concurrent use.
type Generator struct {
	config   Config
	choose   *rand.Rand
	zipf     *rand.Zipf
	content  *content
	keys     *keyspace
	leases   []Lease
	revision int64
	loaded   int
	streamed int
}

// New returns a generator that stands before the first object.
func New(config Config) *Generator {
	choose := rand.New(rand.NewPCG(config.Seed, 0))
	g := &Generator{
		config:   config,
		choose:   choose,
		zipf:     rand.NewZipf(choose, 1.1, 60, uint64(max(config.Objects-1, 1))),
		content:  newContent(config.Seed),
		keys:     newKeyspace(),
		revision: FirstRevision - 1,
	}
	for i := range config.Leases {
		// 7587… is the shape of an id that etcd chooses by itself.
		g.leases = append(g.leases, Lease{ID: 7_587_000_000_000_000_001 + int64(i)*7919, TTL: 36_000 + int64(i%60)*60})
	}
	return g
}

// Leases are what Change.Lease refers to.
func (g *Generator) Leases() []Lease { return g.leases }

// Revision is that of the last step yielded, 1 before the first.
func (g *Generator) Revision() int64 { return g.revision }

// Live is the number of keys that exist after the last step yielded.
func (g *Generator) Live() int { return len(g.keys.live) }

// Base yields the puts that fill the empty etcd. A loop that was left continues where it stopped.
func (g *Generator) Base() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for g.loaded < g.config.Objects {
			kind := Kind(g.loaded % Kinds)
			g.loaded++
			if !yield(g.apply(Load, g.create(kind))) {
				return
			}
		}
	}
}

// Stream yields the changes made to the base, which must have been yielded to its end.
// A loop that was left continues where it stopped.
func (g *Generator) Stream() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for g.streamed < g.config.Events {
			step := g.next()
			g.streamed += len(step.Events)
			if !yield(step) {
				return
			}
		}
	}
}
