package inspect

import (
	"bytes"
	"iter"
	"maps"
	"slices"

	"github.com/revkeeper/revkeeper/domain/record"
)

// Listing keeps what is known of the first keys, in the order of their bytes, of
// however many: at most Keys of them, which weigh at most Bytes. It is complete up
// to its last key, and says so where there were more. It may hold twice as much
// while it is filled.
type Listing[T any] struct {
	keys   int
	bytes  int64
	items  map[string]*item[T]
	weight int64
	cut    string // no key from here on is kept, if isCut
	isCut  bool
}

type item[T any] struct {
	value  T
	weight int64
}

// itemWeight is about what an item weighs beside its key and what it is told.
const itemWeight = 128

// NewListing returns a Listing of at most keys keys that weigh at most bytes bytes;
// 0 for no bound of the kind.
func NewListing[T any](keys int, bytes int64) *Listing[T] {
	return &Listing[T]{keys: keys, bytes: bytes, items: map[string]*item[T]{}}
}

// At returns what is kept of a key, to be changed, or nil if the key is not among
// the first. weight is how many bytes the change adds.
func (l *Listing[T]) At(key []byte, weight int64) *T {
	if l.isCut && string(key) >= l.cut {
		return nil
	}
	it := l.items[string(key)]
	if it == nil {
		it = &item[T]{}
		l.items[string(key)] = it
		weight += int64(len(key)) + itemWeight
	}
	it.weight += weight
	l.weight += weight
	if l.keys > 0 && len(l.items) > 2*l.keys || l.bytes > 0 && l.weight > 2*l.bytes && len(l.items) > 1 {
		l.trim()
		if l.isCut && string(key) >= l.cut {
			return nil
		}
	}
	return &it.value
}

// trim leaves the first keys within the bounds; the very first stays, however much
// it weighs.
func (l *Listing[T]) trim() {
	l.weight = 0
	for i, key := range slices.Sorted(maps.Keys(l.items)) {
		it := l.items[key]
		over := l.keys > 0 && i >= l.keys || l.bytes > 0 && i > 0 && l.weight+it.weight > l.bytes
		if over && (!l.isCut || key < l.cut) {
			l.cut, l.isCut = key, true
		}
		if l.isCut && key >= l.cut {
			delete(l.items, key)
			continue
		}
		l.weight += it.weight
	}
}

// Drop takes a key out again.
func (l *Listing[T]) Drop(key []byte) {
	if it := l.items[string(key)]; it != nil {
		l.weight -= it.weight
		delete(l.items, string(key))
	}
}

// All yields the keys and what is kept of them, in order.
func (l *Listing[T]) All() iter.Seq2[string, *T] {
	l.trim()
	return func(yield func(string, *T) bool) {
		for _, key := range slices.Sorted(maps.Keys(l.items)) {
			if !yield(key, &l.items[key].value) {
				return
			}
		}
	}
}

// Complete reports whether no key was left out.
func (l *Listing[T]) Complete() bool {
	l.trim()
	return !l.isCut
}

// Entry is a key in a listing: Value only where it was asked for.
type Entry struct {
	record.KeyValue
	Size int64 // bytes of the value
}

// Enlist adds a record to a listing of keys. It keeps nothing of r's bytes.
func Enlist(l *Listing[Entry], r record.Record, values bool) error {
	kv, err := record.ParseKeyValue(r.KeyValue)
	if err != nil {
		return err
	}
	e := Entry{KeyValue: kv, Size: int64(len(kv.Value))}
	e.Key, e.Value = bytes.Clone(kv.Key), nil
	weight := int64(len(kv.Key))
	if values {
		weight += e.Size
	}
	if at := l.At(kv.Key, weight); at != nil {
		if *at = e; values {
			at.Value = bytes.Clone(kv.Value)
		}
	}
	return nil
}
