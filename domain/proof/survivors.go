package proof

import "github.com/revkeeper/revkeeper/domain/record"

// Survivors is the set of records that are left of a history when etcd's compaction
// at its last revision has ended.
type Survivors struct {
	left  marks
	total int
}

// Has reports whether the record is left, counted from the oldest, from 0.
func (s Survivors) Has(fromOldest int) bool { return s.left.has(s.total - 1 - fromOldest) }

// SurvivorsOf finds them: the newest record of each key that lives, and deletions
// at the last revision, which etcd keeps from 3.5.16 on for watches that start
// there. No hash asked for that revision or a later one is changed by the others'
// absence. It reads history once, backward, and needs about 50 bytes of memory per
// distinct key; errors of history are returned as they are.
func SurvivorsOf(history History) (Survivors, error) {
	var s Survivors
	var last int64
	seen := make(map[record.Fingerprint]struct{})
	for r, err := range history.Backward() {
		if err != nil {
			return Survivors{}, err
		}
		key, err := record.Key(r.KeyValue)
		if err != nil {
			return Survivors{}, err
		}
		last = max(last, r.Main)
		fp := record.FingerprintOf(key)
		_, older := seen[fp]
		s.left.add(s.total, !older && (!r.Tombstone || r.Main == last))
		s.total++
		if !older {
			seen[fp] = struct{}{}
		}
	}
	return s, nil
}
