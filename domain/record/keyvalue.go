package record

import (
	"encoding/binary"

	"github.com/revkeeper/revkeeper/domain/wire"
)

// Field numbers of mvccpb.KeyValue (etcd api/mvccpb/kv.proto). Reading them by
// hand keeps the domain free of generated types and the restore free of a decode
// per record.
const (
	fieldKey     = 1
	fieldCreate  = 2
	fieldMod     = 3
	fieldVersion = 4
	fieldValue   = 5
	fieldLease   = 6
)

// KeyValue is a marshalled mvccpb.KeyValue, read. Key and Value alias it. A
// tombstone has the key alone; the entry of a revision bump has nothing.
type KeyValue struct {
	Key     []byte
	Create  int64 // revision in which the key came to be
	Mod     int64 // revision that wrote it
	Version int64 // changes since it came to be, from 1
	Value   []byte
	Lease   int64 // 0 for none
}

// ParseKeyValue reads a marshalled KeyValue. Malformed bytes are Corrupt.
func ParseKeyValue(kv []byte) (KeyValue, error) {
	var out KeyValue
	err := eachField(kv, func(f wire.Field) {
		switch f.Number {
		case fieldKey:
			out.Key = f.Data
		case fieldCreate:
			out.Create = int64(f.Value)
		case fieldMod:
			out.Mod = int64(f.Value)
		case fieldVersion:
			out.Version = int64(f.Value)
		case fieldValue:
			out.Value = f.Data
		case fieldLease:
			out.Lease = int64(f.Value)
		}
	})
	return out, err
}

// Key returns the user's key inside a marshalled KeyValue, aliasing kv. The
// empty entry of a revision bump has the empty key. Malformed bytes are Corrupt.
func Key(kv []byte) ([]byte, error) {
	var key []byte
	err := eachField(kv, func(f wire.Field) {
		if f.Number == fieldKey {
			key = f.Data
		}
	})
	return key, err
}

// Lease returns the lease that a marshalled KeyValue is attached to, 0 for none.
// Malformed bytes are Corrupt.
func Lease(kv []byte) (int64, error) { return number(kv, fieldLease) }

// Version returns how many changes a marshalled KeyValue's key has seen since it
// was created: 1 for the one that created it. Malformed bytes are Corrupt.
func Version(kv []byte) (int64, error) { return number(kv, fieldVersion) }

func number(kv []byte, field int) (int64, error) {
	var n int64
	err := eachField(kv, func(f wire.Field) {
		if f.Number == field {
			n = int64(f.Value)
		}
	})
	return n, err
}

func eachField(kv []byte, visit func(wire.Field)) error { return wire.Each("KeyValue", kv, visit) }

// AppendTombstone appends the value that etcd keeps for a deletion of key: a
// KeyValue with that key and nothing else.
func AppendTombstone(dst, key []byte) []byte {
	if len(key) == 0 {
		return dst
	}
	dst = append(dst, fieldKey<<3|byte(wire.Bytes))
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	return append(dst, key...)
}
