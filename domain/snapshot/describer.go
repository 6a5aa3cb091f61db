package snapshot

import "github.com/revkeeper/revkeeper/domain/record"

// Describer makes of a delta's records what a description would say of them, where
// a format stores none.
type Describer struct {
	env     Envelope
	digests record.Digester
	leases  Leases
}

// NewDescriber returns a Describer of the delta that a reference names.
func NewDescriber(delta Ref) *Describer {
	return &Describer{env: Named(delta), leases: make(Leases)}
}

// Named returns what the name of a delta says of it.
func Named(delta Ref) Envelope {
	return Envelope{Epoch: delta.Epoch, First: delta.First, Last: delta.Last, SealedAt: delta.At}
}

// Write takes the next record. Malformed bytes are Corrupt.
func (d *Describer) Write(r record.Record) error {
	d.env.Records++
	d.digests.Write(r)
	if r.Tombstone {
		return nil
	}
	id, err := record.Lease(r.KeyValue)
	if id != 0 {
		d.leases.Learn(Lease{ID: id, State: LeaseUnknown})
	}
	return err
}

// Envelope returns the description: of leases that they are named, and of times
// nothing. It is called once, at the end of a revision.
func (d *Describer) Envelope() Envelope {
	d.env.Digest, d.env.Tail = d.digests.Finish()
	if len(d.leases) > 0 {
		d.env.Leases = d.leases.Sorted()
	}
	return d.env
}
