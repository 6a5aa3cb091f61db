// Package wire reads the wire format of Protocol Buffers, without a schema
// (https://protobuf.dev/programming-guides/encoding). etcd's records and
// Kubernetes' objects are kept in it.
package wire

import (
	"encoding/binary"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Type is how a field's value is written.
type Type uint8

// The types that are in use. Groups, the two others, are malformed here: neither
// etcd nor Kubernetes ever wrote one.
const (
	Varint  Type = 0
	Fixed64 Type = 1
	Bytes   Type = 2
	Fixed32 Type = 5
)

// Field is one field of a message.
type Field struct {
	Number int
	Type   Type
	Value  uint64 // of all types but Bytes
	Data   []byte // of Bytes: a text, bytes or a message; it aliases the message
}

// Each calls visit with every field at the top level of a message, in order. Of a
// message that is malformed, which is Corrupt and says of what, the fields before
// have been visited.
func Each(what string, message []byte, visit func(Field)) error {
	for rest := message; len(rest) > 0; {
		tag, n := binary.Uvarint(rest)
		if n <= 0 || tag>>3 == 0 || tag>>3 > maxNumber {
			return malformed(what, "tag")
		}
		rest = rest[n:]
		f := Field{Number: int(tag >> 3), Type: Type(tag & 7)}
		switch f.Type {
		case Varint:
			if f.Value, n = binary.Uvarint(rest); n <= 0 {
				return malformed(what, "varint")
			}
		case Bytes:
			size, m := binary.Uvarint(rest)
			if m <= 0 || size > uint64(len(rest)-m) {
				return malformed(what, "length")
			}
			n = m + int(size)
			f.Data = rest[m:n]
		case Fixed32:
			if n = 4; len(rest) < n {
				return malformed(what, "fixed field")
			}
			f.Value = uint64(binary.LittleEndian.Uint32(rest))
		case Fixed64:
			if n = 8; len(rest) < n {
				return malformed(what, "fixed field")
			}
			f.Value = binary.LittleEndian.Uint64(rest)
		default:
			return malformed(what, "wire type")
		}
		visit(f)
		rest = rest[n:]
	}
	return nil
}

// maxNumber is the largest number that a field can have.
const maxNumber = 1<<29 - 1

func malformed(what, part string) error {
	return fault.New(fault.Corrupt, "read", what, "malformed "+part)
}
