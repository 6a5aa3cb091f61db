package snapshot

import (
	"maps"
	"slices"
)

// Leases is what is known of the leases that keys name, by id. The zero value
// is not usable; make one with make.
type Leases map[int64]Lease

// Learn adds what an object says of a lease. A granted TTL never changes and is
// kept against a later "gone" or "unknown".
func (ls Leases) Learn(l Lease) {
	known, ok := ls[l.ID]
	if ok && known.State == LeaseGranted && l.State != LeaseGranted {
		return
	}
	if ok && known.State == LeaseGone && l.State == LeaseUnknown {
		return
	}
	ls[l.ID] = l
}

// Unknown returns the ids of those that nobody could tell of yet, in order.
func (ls Leases) Unknown() []int64 {
	var out []int64
	for _, l := range ls.Sorted() {
		if l.State == LeaseUnknown {
			out = append(out, l.ID)
		}
	}
	return out
}

// Sorted returns the leases by id.
func (ls Leases) Sorted() []Lease {
	out := make([]Lease, 0, len(ls))
	for _, id := range slices.Sorted(maps.Keys(ls)) {
		out = append(out, ls[id])
	}
	return out
}
