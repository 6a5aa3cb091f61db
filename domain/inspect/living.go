// Package inspect answers what a history holds: which keys live, how much room
// they take, how a key changed, and how two points differ. It reads histories from
// end to end and keeps of each key only what it needs.
package inspect

import (
	"bytes"
	"iter"
	"slices"

	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Living returns the records of the keys that live at a history's end and begin
// with prefix, ascending. It needs about 50 bytes of memory per key under the
// prefix, whether it lives or not. Errors of the history are returned as they are.
func Living(h proof.History, prefix []byte) ([]record.Revision, error) {
	seen := map[record.Fingerprint]struct{}{}
	var living []record.Revision
	for r, err := range h.Backward() {
		if err != nil {
			return nil, err
		}
		key, err := record.Key(r.KeyValue)
		if err != nil {
			return nil, err
		}
		if isOf(key, prefix) && isFirst(seen, key) && !r.Tombstone {
			living = append(living, r.Revision)
		}
	}
	slices.Reverse(living)
	return living, nil
}

// isOf reports whether a record's key begins with prefix. What a revision bump
// leaves is of no key.
func isOf(key, prefix []byte) bool { return len(key) > 0 && bytes.HasPrefix(key, prefix) }

// isFirst reports whether a key is met for the first time, and remembers it.
func isFirst(seen map[record.Fingerprint]struct{}, key []byte) bool {
	fp := record.FingerprintOf(key)
	_, met := seen[fp]
	seen[fp] = struct{}{}
	return !met
}

// Each yields the records that Living named, in their order, each valid until the
// next one is asked for, and at most one error, as the last pair.
func Each(h proof.History, living []record.Revision) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		if len(living) == 0 {
			return
		}
		for r, err := range h.Forward() {
			if err != nil {
				yield(r, err)
				return
			}
			if r.Revision != living[0] {
				continue
			}
			if living = living[1:]; !yield(r, nil) || len(living) == 0 {
				return
			}
		}
	}
}

// Find returns the newest record of a key; ok is false where the history has none.
// The record's bytes are the caller's.
func Find(h proof.History, key []byte) (found record.Record, ok bool, err error) {
	for r, err := range h.Backward() {
		if err != nil {
			return found, false, err
		}
		k, err := record.Key(r.KeyValue)
		if err != nil {
			return found, false, err
		}
		if bytes.Equal(k, key) && len(k) > 0 {
			r.KeyValue = bytes.Clone(r.KeyValue)
			return r, true, nil
		}
	}
	return found, false, nil
}
