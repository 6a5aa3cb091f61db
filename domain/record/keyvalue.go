package record

import (
	"encoding/binary"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Field numbers of mvccpb.KeyValue (etcd api/mvccpb/kv.proto). Reading those
// that matter by hand keeps the domain free of generated types and the restore
// free of a decode per record.
const (
	fieldKey     = 1
	fieldVersion = 4
	fieldLease   = 6
)

const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// Key returns the user's key inside a marshalled KeyValue, aliasing kv. The
// empty entry of a revision bump has the empty key. Malformed bytes are Corrupt.
func Key(kv []byte) ([]byte, error) {
	var key []byte
	err := eachField(kv, func(field int, _ uint64, data []byte) {
		if field == fieldKey {
			key = data
		}
	})
	return key, err
}

// Lease returns the lease that a marshalled KeyValue is attached to, 0 for none.
// Malformed bytes are Corrupt.
func Lease(kv []byte) (int64, error) {
	var lease int64
	err := eachField(kv, func(field int, n uint64, _ []byte) {
		if field == fieldLease {
			lease = int64(n)
		}
	})
	return lease, err
}

// Version returns how many changes a marshalled KeyValue's key has seen since it
// was created: 1 for the one that created it. Malformed bytes are Corrupt.
func Version(kv []byte) (int64, error) {
	var version int64
	err := eachField(kv, func(field int, n uint64, _ []byte) {
		if field == fieldVersion {
			version = int64(n)
		}
	})
	return version, err
}

// AppendTombstone appends the value that etcd keeps for a deletion of key: a
// KeyValue with that key and nothing else.
func AppendTombstone(dst, key []byte) []byte {
	if len(key) == 0 {
		return dst
	}
	dst = append(dst, fieldKey<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	return append(dst, key...)
}

// eachField calls visit with every top-level field: n for varints, data for
// length-delimited ones.
func eachField(kv []byte, visit func(field int, n uint64, data []byte)) error {
	for rest := kv; len(rest) > 0; {
		tag, n := binary.Uvarint(rest)
		if n <= 0 {
			return malformed("tag")
		}
		rest = rest[n:]
		field, wire := int(tag>>3), tag&7
		switch wire {
		case wireVarint:
			v, n := binary.Uvarint(rest)
			if n <= 0 {
				return malformed("varint")
			}
			visit(field, v, nil)
			rest = rest[n:]
		case wireBytes:
			size, n := binary.Uvarint(rest)
			if n <= 0 || size > uint64(len(rest)-n) {
				return malformed("length")
			}
			visit(field, 0, rest[n:n+int(size)])
			rest = rest[n+int(size):]
		case wire32, wire64:
			size := 4
			if wire == wire64 {
				size = 8
			}
			if len(rest) < size {
				return malformed("fixed field")
			}
			rest = rest[size:]
		default:
			return malformed("wire type")
		}
	}
	return nil
}

func malformed(what string) error {
	return fault.New(fault.Corrupt, "read", "KeyValue", "malformed "+what)
}
