// Package proof recomputes etcd's own HashKV over records, which is what makes
// a restored database provably equal to the cluster it came from.
package proof

import (
	"fmt"
	"hash/crc32"
	"iter"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Hash is what etcd answers to HashKV: the CRC-32C over the history up to
// Revision, seen as if compacted at Compact (-1 or 0 where never compacted).
type Hash struct {
	Revision int64  `json:"revision"`
	Compact  int64  `json:"compactRevision"`
	HashKV   uint32 `json:"hashKV"`
}

// String is the form used in messages.
func (h Hash) String() string {
	return fmt.Sprintf("HashKV %d at revision %d compacted at %d", h.HashKV, h.Revision, h.Compact)
}

// History reads the bucket "key" in both directions. Each yields every record
// once, forward in (main, sub) order and backward in the reverse, and at most
// one error, as the last pair. A record is valid until the next one is asked
// for.
type History interface {
	Forward() iter.Seq2[record.Record, error]
	Backward() iter.Seq2[record.Record, error]
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// HashKV computes etcd's HashKV of history at revision, seen as compacted at
// compact (etcd server/storage/mvcc/hash.go: CRC-32C over the bucket's name and
// then key and value of every record up to the revision, leaving out records at
// or below the compact revision that are not the newest of a living key, and
// tombstones at the compact revision itself).
//
// Where no key lives at the revision, etcd's rule leaves nothing out and its
// answer depends on how far its compaction has come. HashKV then answers for a
// finished compaction, so that it never depends on how much of the compacted
// past history still holds. etcd contradicts itself in one case, which Compare
// knows: asked for a revision at which it was compacted and no key lived, it may
// answer with the hash that it kept of that compaction, made by another rule.
//
// It needs about 50 bytes of memory per distinct key in history and reads
// history twice. A compact revision above the revision is Invalid; errors of
// history are returned as they are.
func HashKV(history History, revision, compact int64) (uint32, error) {
	sums, err := hashes(history, revision, compact)
	return sums.scanned, err
}

// Compare holds history against what a member answered and returns what history
// hashes to. A difference is Diverged and names both; errors of history are
// returned as they are.
//
// Where no key lives at the revision, etcd has two rules. A scan hashes whatever
// its compaction left of the past; the hash that it keeps of a compaction leaves
// that out where the last key was deleted at the very revision (the deletion then
// counts as something to keep, from etcd 3.5.16 on). An answer by either proves
// history, for both depend on every record above the compact revision.
func Compare(history History, recorded Recorded) (uint32, error) {
	sums, err := hashes(history, recorded.Revision, recorded.Compact)
	switch {
	case err != nil:
		return 0, err
	case sums.deserted && recorded.HashKV == sums.kept:
		return sums.kept, nil
	}
	return sums.scanned, Check(recorded, sums.scanned)
}

// sums is what history hashes to by etcd's two rules. They differ only where no
// key lives.
type sums struct {
	scanned  uint32
	kept     uint32 // of a compaction: nothing at or below the one before counts
	deserted bool   // no key lives
}

func hashes(history History, revision, compact int64) (sums, error) {
	if compact > revision {
		return sums{}, fault.New(fault.Invalid, "compute HashKV", "",
			fmt.Sprintf("compact revision %d is above revision %d", compact, revision))
	}
	kept, err := keptBelow(history, revision, compact)
	if err != nil {
		return sums{}, err
	}
	begin := crc32.Update(0, castagnoli, []byte("key"))
	out := sums{scanned: begin, kept: begin, deserted: !kept.alive}
	var key []byte
	ordinal := 0
	for r, err := range history.Forward() {
		if err != nil {
			return sums{}, err
		}
		if r.Main > revision {
			break
		}
		if r.Main <= compact {
			hashed := kept.get(ordinal)
			ordinal++
			if !hashed {
				continue
			}
		}
		key = r.AppendKey(key[:0])
		out.scanned = crc32.Update(crc32.Update(out.scanned, castagnoli, key), castagnoli, r.KeyValue)
		if out.deserted && r.Main > compact {
			out.kept = crc32.Update(crc32.Update(out.kept, castagnoli, key), castagnoli, r.KeyValue)
		}
	}
	return out, nil
}

// marks is a set of records, counted from the newest, since that is the order in
// which it is filled.
type marks []uint64

func (m *marks) add(i int, marked bool) {
	if i%64 == 0 {
		*m = append(*m, 0)
	}
	if marked {
		(*m)[i/64] |= 1 << (i % 64)
	}
}

func (m marks) has(i int) bool { return m[i/64]&(1<<(i%64)) != 0 }

// keep says which of the records at or below the compact revision are hashed;
// no tombstone is, the one at the compact revision included, which newer servers
// keep and older ones delete.
type keep struct {
	living marks // the newest of a key that lives at the revision
	left   marks // the newest of a key that lived at the compact revision
	total  int
	alive  bool // some key lives at the revision
}

// get answers for a record counted from the oldest.
func (k *keep) get(fromOldest int) bool {
	from := k.living
	if !k.alive {
		from = k.left
	}
	return from.has(k.total - 1 - fromOldest)
}

func keptBelow(history History, revision, compact int64) (*keep, error) {
	k := &keep{}
	below := make(map[record.Fingerprint]bool) // every key seen; true once at or below compact
	for r, err := range history.Backward() {
		if err != nil {
			return nil, err
		}
		if r.Main > revision {
			continue
		}
		userKey, err := record.Key(r.KeyValue)
		if err != nil {
			return nil, err
		}
		fp := record.FingerprintOf(userKey)
		seenBelow, seen := below[fp]
		living := !seen && !r.Tombstone
		k.alive = k.alive || living
		if r.Main <= compact {
			k.living.add(k.total, living)
			k.left.add(k.total, !seenBelow && !r.Tombstone)
			k.total++
		}
		if isBelow := r.Main <= compact; !seen || isBelow != seenBelow {
			below[fp] = isBelow
		}
	}
	return k, nil
}
