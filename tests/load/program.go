package load

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Kind is what an operation does.
type Kind string

// The kinds.
const (
	Put    Kind = "put"
	Delete Kind = "delete"
	Txn    Kind = "txn"
	Grant  Kind = "grant"
	Revoke Kind = "revoke"
)

// Operation is one request to etcd. Which fields count follows from its kind.
type Operation struct {
	Kind  Kind
	Key   string
	End   string // of the range that is deleted; empty for the key alone
	Value string
	Lease int64 // attached, granted or revoked; 0 for none
	TTL   int64 // granted, in seconds
	// KeepValue and KeepLease leave out of a put what the key has already. etcd
	// refuses that for a key that is not there.
	KeepValue, KeepLease bool
	// A transaction does Then if its key exists or, if Unless, does not; else it
	// does Else. Without a key it does Then.
	Unless     bool
	Then, Else []Operation
}

// Shape is what the operations of a program are like.
type Shape struct {
	Kinds, Spaces, Objects int // /registry/<kind>/ns<space>/obj<object>
	Value                  int // bytes of a value, about, at most
	// Corners adds what applications do seldom: leases that soon expire, puts that
	// keep value or lease, deletes of a whole kind.
	Corners bool
}

// Usual is the shape of a cluster that applications use.
var Usual = Shape{Kinds: 4, Spaces: 5, Objects: 40, Value: 2000}

// Program is a random sequence of operations without an end, the same for equal
// seeds and shapes. It knows nothing of a cluster, so some of its operations may
// find nothing to do, or be refused for a lease or key that is gone.
type Program struct {
	shape  Shape
	rng    *rand.Rand
	leases []int64
}

// leasesKept is how many leases a program goes on using.
const leasesKept = 30

// NewProgram returns a Program.
func NewProgram(seed uint64, s Shape) *Program {
	return &Program{shape: s, rng: rand.New(rand.NewPCG(seed, seed))}
}

// Next returns the next operation.
func (p *Program) Next() Operation {
	if p.shape.Corners && p.rng.IntN(25) == 0 {
		return p.corner()
	}
	switch n := p.rng.IntN(100); {
	case n < 55:
		return p.put(p.key())
	case n < 65:
		return Operation{Kind: Delete, Key: p.key()}
	case n < 68:
		prefix := p.key()
		return deletePrefix(prefix[:len(prefix)-1])
	case n < 80:
		return p.transaction()
	case n < 92:
		if len(p.leases) == 0 || p.rng.IntN(3) == 0 {
			return p.grant(int64(3600 + p.rng.IntN(1000)))
		}
		return p.attached(p.key())
	case n < 94:
		return p.revoke()
	case n < 97:
		return Operation{Kind: Put, Key: "odd/\xff\xfe\x00" + string(rune('a'+p.rng.IntN(4)))}
	default:
		large := p.put(p.key())
		large.Value = strings.Repeat(large.Value, 40)
		return large
	}
}

func (p *Program) corner() Operation {
	switch p.rng.IntN(8) {
	case 0, 1:
		return p.grant(int64(1 + p.rng.IntN(3)))
	case 2:
		return deletePrefix(p.kind())
	case 3, 4:
		op := p.attached(p.key())
		op.Value, op.KeepValue = "", true
		return op
	case 5:
		op := p.put(p.key())
		op.KeepLease = true
		return op
	default: // of the newest lease, which may be one that expires
		op := p.put(p.key())
		if len(p.leases) > 0 {
			op.Lease = p.leases[len(p.leases)-1]
		}
		return op
	}
}

var kinds = []string{"pods", "events", "leases", "configmaps"}

func (p *Program) kind() string {
	return "/registry/" + kinds[p.rng.IntN(min(p.shape.Kinds, len(kinds)))] + "/"
}

func (p *Program) key() string {
	return fmt.Sprintf("%sns%d/obj%d", p.kind(), p.rng.IntN(p.shape.Spaces), p.rng.IntN(p.shape.Objects))
}

func (p *Program) put(key string) Operation {
	n := p.shape.Value/20 + p.rng.IntN(p.shape.Value)
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, `{"uid":"%x","phase":"Running"}`, p.rng.Uint64())
	}
	return Operation{Kind: Put, Key: key, Value: b.String()}
}

// attached is a put with a lease, where there is one.
func (p *Program) attached(key string) Operation {
	op := p.put(key)
	if len(p.leases) > 0 {
		op.Lease = p.leases[p.rng.IntN(len(p.leases))]
	}
	return op
}

func deletePrefix(prefix string) Operation {
	return Operation{Kind: Delete, Key: prefix, End: prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)}
}

// grant asks for an id of its own choice, so that it does not depend on the
// cluster.
func (p *Program) grant(ttl int64) Operation {
	id := p.rng.Int64N(1<<62) + 1
	if p.leases = append(p.leases, id); len(p.leases) > leasesKept {
		p.leases = slices.Delete(p.leases, 0, 1)
	}
	return Operation{Kind: Grant, Lease: id, TTL: ttl}
}

func (p *Program) revoke() Operation {
	if len(p.leases) == 0 {
		return p.grant(3600)
	}
	i := p.rng.IntN(len(p.leases))
	id := p.leases[i]
	p.leases = slices.Delete(p.leases, i, i+1)
	return Operation{Kind: Revoke, Lease: id}
}
