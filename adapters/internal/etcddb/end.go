package etcddb

import (
	"github.com/revkeeper/revkeeper/domain/record"
)

// End remembers the SHA-256 at the end of a snapshot stream without computing it
// anew, for streams that this process makes.
type End struct {
	last []byte // at most DigestSize
	size int64
}

// Write takes the next bytes of the stream.
func (e *End) Write(p []byte) {
	e.size += int64(len(p))
	if len(p) >= DigestSize {
		e.last = append(e.last[:0], p[len(p)-DigestSize:]...)
		return
	}
	e.last = append(e.last, p...)
	if extra := len(e.last) - DigestSize; extra > 0 {
		e.last = append(e.last[:0], e.last[extra:]...)
	}
}

// Digest returns the SHA-256 once the stream has ended, or Corrupt if its length
// cannot be that of a snapshot.
func (e *End) Digest() (record.Digest, error) {
	if err := CheckSize(e.size); err != nil {
		return record.Digest{}, err
	}
	return record.Digest(e.last), nil
}
