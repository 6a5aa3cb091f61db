package codec

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// TailSize is the fixed end of a delta: big-endian uint64 length of the
// envelope before it, SHA-256 of the envelope, and the magic.
const TailSize = 8 + sha256.Size + len(magic)

const magic = "rkdelta1"

// MaxEnvelope is how large an envelope may be, in bytes.
const MaxEnvelope = 64 << 20

// AppendEnvelope appends the envelope as JSON and the tail to dst.
func AppendEnvelope(dst []byte, env snapshot.Envelope) ([]byte, error) {
	text, err := json.Marshal(env)
	if err != nil {
		return dst, fault.Wrap(fault.Internal, "write envelope", "", err)
	}
	sum := sha256.Sum256(text)
	dst = append(dst, text...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(text)))
	dst = append(dst, sum[:]...)
	return append(dst, magic...), nil
}

// EnvelopeLength reads the tail and returns how many bytes before it the
// envelope takes. objectSize is checked against it.
func EnvelopeLength(tail []byte, objectSize int64) (int64, error) {
	if len(tail) != TailSize || string(tail[TailSize-len(magic):]) != magic {
		return 0, fault.New(fault.Corrupt, "read envelope", "", "the object does not end as a delta does: truncated, or not a delta")
	}
	n := binary.BigEndian.Uint64(tail)
	if n > MaxEnvelope || int64(n) > objectSize-int64(TailSize) {
		return 0, fault.New(fault.Corrupt, "read envelope", "", fmt.Sprintf("length %d in an object of %d bytes", n, objectSize))
	}
	return int64(n), nil
}

// ParseEnvelope reads an envelope, given its bytes and the tail after it, and
// checks that its segments fill the object up to bodySize without a hole.
func ParseEnvelope(text, tail []byte, bodySize int64) (snapshot.Envelope, error) {
	var env snapshot.Envelope
	sum := sha256.Sum256(text)
	if !bytes.Equal(sum[:], tail[8:8+sha256.Size]) {
		return env, fault.New(fault.Corrupt, "read envelope", "", "its SHA-256 is not the one recorded")
	}
	if err := json.Unmarshal(text, &env); err != nil {
		return env, fault.Wrap(fault.Corrupt, "read envelope", "", err)
	}
	at, next := int64(0), env.First
	for _, s := range env.Segments {
		if s.Offset != at || s.Length <= 0 || s.First != next || s.Last < s.First {
			return env, fault.New(fault.Corrupt, "read envelope", "", "its segments do not follow each other")
		}
		at, next = at+s.Length, s.Last+1
	}
	if at != bodySize || next != env.Last+1 {
		return env, fault.New(fault.Corrupt, "read envelope", "",
			fmt.Sprintf("its segments hold %d bytes up to revision %d, the object %d up to %d", at, next-1, bodySize, env.Last))
	}
	return env, nil
}
