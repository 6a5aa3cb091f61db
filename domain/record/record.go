// Package record is one change of etcd's history as its database keeps it.
//
// etcd's bucket "key" maps a revision to the KeyValue that the change left
// behind (etcd server/storage/mvcc/revision.go): eight bytes of main revision,
// '_', eight bytes of sub revision, all big endian, and a trailing 't' for a
// tombstone. Because a full holds these entries and a delta carries them
// unchanged, restoring is writing them back, and nothing is interpreted twice.
package record

import (
	"encoding/binary"
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	keyLen          = 17
	tombstoneKeyLen = 18
	separator       = '_'
	tombstoneMark   = 't'
)

// Revision is etcd's revision: Main counts transactions, Sub the changes within
// one. Both are non-negative.
type Revision struct {
	Main, Sub int64
}

// Less orders revisions as etcd's database does.
func (r Revision) Less(o Revision) bool {
	return r.Main < o.Main || (r.Main == o.Main && r.Sub < o.Sub)
}

// Record is one entry of the bucket "key".
type Record struct {
	Revision
	Tombstone bool
	// KeyValue is the entry's value: a marshalled mvccpb.KeyValue. A tombstone
	// holds the key alone. It is empty only for the entry that a revision bump
	// leaves. Whoever hands out a Record says how long these bytes are valid.
	KeyValue []byte
}

// AppendKey appends the record's bbolt key to dst.
func (r Record) AppendKey(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Main))
	dst = append(dst, separator)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Sub))
	if r.Tombstone {
		dst = append(dst, tombstoneMark)
	}
	return dst
}

// KeySize returns the length of the bbolt key: 17 bytes, 18 for a tombstone.
func (r Record) KeySize() int {
	if r.Tombstone {
		return tombstoneKeyLen
	}
	return keyLen
}

// ParseKey reads a bbolt key. Anything that etcd would not have written is
// Corrupt.
func ParseKey(key []byte) (rev Revision, tombstone bool, err error) {
	switch {
	case len(key) == keyLen:
	case len(key) == tombstoneKeyLen && key[keyLen] == tombstoneMark:
		tombstone = true
	default:
		return Revision{}, false, corruptKey(key)
	}
	main, sub := binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[9:])
	if key[8] != separator || main>>63 != 0 || sub>>63 != 0 {
		return Revision{}, false, corruptKey(key)
	}
	return Revision{Main: int64(main), Sub: int64(sub)}, tombstone, nil
}

// Parse makes a Record of an entry of the bucket "key". KeyValue aliases value.
func Parse(key, value []byte) (Record, error) {
	rev, tombstone, err := ParseKey(key)
	if err != nil {
		return Record{}, err
	}
	return Record{Revision: rev, Tombstone: tombstone, KeyValue: value}, nil
}

func corruptKey(key []byte) error {
	return fault.New(fault.Corrupt, "read revision key", fmt.Sprintf("%x", key), "want 17 bytes, or 18 ending in 't', around '_'")
}
