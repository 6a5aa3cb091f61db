package etcddb

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Trailer checks a snapshot stream, whose last 32 bytes are the SHA-256 of all
// before them, without knowing beforehand where it ends.
type Trailer struct {
	hash hash.Hash
	last []byte // the last bytes seen, not hashed yet; at most DigestSize
	size int64
}

// NewTrailer returns a Trailer that has seen nothing.
func NewTrailer() *Trailer { return &Trailer{hash: sha256.New()} }

// Write takes the next bytes and returns those that are now known to belong to
// the database; the slices are valid until the next call.
func (t *Trailer) Write(p []byte) (database [2][]byte) {
	t.size += int64(len(p))
	if len(p) >= DigestSize {
		cut := len(p) - DigestSize
		database = [2][]byte{bytes.Clone(t.last), p[:cut]}
		t.last = append(t.last[:0], p[cut:]...)
	} else {
		t.last = append(t.last, p...)
		if extra := len(t.last) - DigestSize; extra > 0 {
			database[0] = bytes.Clone(t.last[:extra])
			t.last = append(t.last[:0], t.last[extra:]...)
		}
	}
	t.hash.Write(database[0])
	t.hash.Write(database[1])
	return database
}

// Check returns the database's SHA-256 once the stream has ended, or Corrupt if
// that is not what the stream's end says.
func (t *Trailer) Check() (record.Digest, error) {
	got := record.Digest(t.hash.Sum(nil))
	if err := CheckSize(t.size); err != nil {
		return got, err
	}
	if !bytes.Equal(got[:], t.last) {
		return got, fault.New(fault.Corrupt, "read snapshot", "",
			fmt.Sprintf("the database hashes to %s, its trailer says %x", got, t.last))
	}
	return got, nil
}
