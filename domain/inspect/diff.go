package inspect

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Change is what became of a key between two points.
type Change string

// The changes. A key that was written again with the same value has changed, for
// its revision did; one that went and came back has changed too.
const (
	Created Change = "created"
	Changed Change = "changed"
	Deleted Change = "deleted"
)

// Difference is how a key differs between two points.
type Difference struct {
	Key    string
	Change Change
	// Revision made the later state: the one that wrote it or, where the records in
	// between were read, deleted it; else 0 for a deletion.
	Revision int64
	Version  int64 // at the later point, 0 for a deleted key
	Size     int64 // bytes of the value at the later point
}

// Diff is how two points differ.
type Diff struct {
	Created, Changed, Deleted int64 // keys
	Listed                    []Difference
	// Complete says that all keys are listed; else the first ones are.
	Complete bool
}

// Any reports whether the points differ.
func (d Diff) Any() bool { return d.Created+d.Changed+d.Deleted > 0 }

func (d *Diff) count(c Change) {
	switch c {
	case Created:
		d.Created++
	case Changed:
		d.Changed++
	case Deleted:
		d.Deleted++
	}
}

// Changes returns the revisions that lie between two points, the later one
// included, and whether the points are of one timeline, so that these revisions are
// all that tells them apart. It is Invalid if the second point is the earlier.
func Changes(epochA int, a int64, epochB int, b int64) (between chain.Range, one bool, err error) {
	if epochA > epochB || epochA == epochB && a > b {
		return between, false, fault.New(fault.Invalid, "compare", "",
			fmt.Sprintf("revision %d of timeline %d comes after revision %d of timeline %d", a, epochA, b, epochB)).
			WithRemedy("give the earlier point first")
	}
	return chain.Range{First: a + 1, Last: b}, epochA == epochB, nil
}

// between says what became of a key that lived before, or not, and after, or not.
func between(before, after bool) (Change, bool) {
	switch {
	case before && after:
		return Changed, true
	case after:
		return Created, true
	case before:
		return Deleted, true
	}
	return "", false // it came and went
}

// Interval compares two points of one history by every record in between, oldest
// first, and nothing else: a key's first record says whether it lived before,
// since etcd numbers versions from 1 when a key comes to be and notes a deletion
// only of a key that is there. It needs about 50 bytes of memory per key.
type Interval struct {
	prefix []byte
	fates  map[record.Fingerprint]fate
	listed *Listing[Difference]
}

// fate is whether a key lived before and after.
type fate struct{ before, after bool }

// NewInterval compares the keys that begin with prefix and lists the first ones.
func NewInterval(prefix []byte, list int) *Interval {
	return &Interval{prefix: prefix, fates: map[record.Fingerprint]fate{}, listed: NewListing[Difference](list, 0)}
}

// Add takes the next record, and does not ask when it was written. It keeps
// nothing of its bytes.
func (i *Interval) Add(r record.Record, _, _ time.Time) error {
	kv, err := record.ParseKeyValue(r.KeyValue)
	if err != nil || !isOf(kv.Key, i.prefix) {
		return err
	}
	fp := record.FingerprintOf(kv.Key)
	f, seen := i.fates[fp]
	if !seen {
		f.before = r.Tombstone || kv.Version > 1
	}
	f.after = !r.Tombstone
	i.fates[fp] = f
	change, differs := between(f.before, f.after)
	if !differs {
		i.listed.Drop(kv.Key) // it would take the place of one that differs
		return nil
	}
	if d := i.listed.At(kv.Key, 0); d != nil {
		d.Change, d.Revision, d.Version, d.Size = change, r.Main, kv.Version, int64(len(kv.Value))
	}
	return nil
}

// Diff returns how the points differ.
func (i *Interval) Diff() Diff {
	var out Diff
	for _, f := range i.fates {
		if c, ok := between(f.before, f.after); ok {
			out.count(c)
		}
	}
	out.list(i.listed)
	return out
}

func (d *Diff) list(l *Listing[Difference]) {
	d.Complete = l.Complete()
	for key, x := range l.All() {
		x.Key = key
		d.Listed = append(d.Listed, *x)
	}
}

// Compare compares two histories, of one timeline or of two, by what lives at the
// end of each. It reads both twice or more and needs about 100 bytes of memory per
// key.
func Compare(before, after proof.History, prefix []byte, list int) (Diff, error) {
	var out Diff
	listed := NewListing[Difference](list, 0)
	note := func(c Change, kv record.KeyValue) {
		out.count(c)
		if x := listed.At(kv.Key, 0); x != nil {
			*x = Difference{Change: c}
			if c != Deleted {
				x.Revision, x.Version, x.Size = kv.Mod, kv.Version, int64(len(kv.Value))
			}
		}
	}
	later, err := states(after, prefix)
	if err != nil {
		return out, err
	}
	err = eachLiving(before, prefix, func(kv record.KeyValue, content record.Fingerprint) {
		fp := record.FingerprintOf(kv.Key)
		s, lives := later[fp]
		if !lives {
			note(Deleted, kv)
			return
		}
		s.before, s.same = true, s.content == content
		later[fp] = s
	})
	if err != nil {
		return out, err
	}
	err = eachLiving(after, prefix, func(kv record.KeyValue, _ record.Fingerprint) {
		if s := later[record.FingerprintOf(kv.Key)]; !s.same {
			c, _ := between(s.before, true)
			note(c, kv)
		}
	})
	out.list(listed)
	return out, err
}

// state is what is known of a key that lives at the later point.
type state struct {
	content record.Fingerprint
	before  bool // it lives at the earlier one too
	same    bool // with the same content
}

func states(h proof.History, prefix []byte) (map[record.Fingerprint]state, error) {
	out := map[record.Fingerprint]state{}
	err := eachLiving(h, prefix, func(kv record.KeyValue, content record.Fingerprint) {
		out[record.FingerprintOf(kv.Key)] = state{content: content}
	})
	return out, err
}

// eachLiving calls f with every key that lives, and the fingerprint of its whole
// entry.
func eachLiving(h proof.History, prefix []byte, f func(record.KeyValue, record.Fingerprint)) error {
	living, err := Living(h, prefix)
	if err != nil {
		return err
	}
	for r, err := range Each(h, living) {
		if err != nil {
			return err
		}
		kv, err := record.ParseKeyValue(r.KeyValue)
		if err != nil {
			return err
		}
		f(kv, record.FingerprintOf(r.KeyValue))
	}
	return nil
}
