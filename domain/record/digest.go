package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Digest is a SHA-256. Its text form is lower-case hexadecimal.
type Digest [sha256.Size]byte

// MarshalText writes the digest in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, d[:]), nil
}

// UnmarshalText reads what MarshalText wrote; anything else is Corrupt.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fault.New(fault.Corrupt, "read digest", string(text), "want 64 hexadecimal digits")
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return fault.Wrap(fault.Corrupt, "read digest", string(text), err)
	}
	return nil
}

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// RevisionDigest names the content of one revision, so that two copies of it
// can be compared without their bytes.
type RevisionDigest struct {
	Revision int64  `json:"revision"`
	Digest   Digest `json:"digest"`
}

// TailLength is how many of the last revisions an object carries digests of.
const TailLength = 16

// Digester computes the digests of a run of records.
//
// A revision's digest is the SHA-256 over its records in order, each as
// big-endian uint32 length of the bbolt key, key, uint32 length of the value,
// value. The digest of a range of revisions is the SHA-256 over its revisions'
// digests in order. Neither depends on when or by whom the records were seen.
//
// The zero Digester is ready for use. It is not safe for concurrent use.
type Digester struct {
	rev     hash.Hash
	all     hash.Hash
	current int64
	open    bool
	tail    []RevisionDigest
	scratch []byte
	onDone  func(RevisionDigest)
}

// OnRevision makes the digester call f for every revision as it is completed.
func (d *Digester) OnRevision(f func(RevisionDigest)) { d.onDone = f }

// Write adds the next record. Records come in (main, sub) order.
func (d *Digester) Write(r Record) {
	if d.rev == nil {
		d.rev, d.all = sha256.New(), sha256.New()
	}
	if d.open && r.Main != d.current {
		d.finishRevision()
	}
	d.current, d.open = r.Main, true
	d.scratch = binary.BigEndian.AppendUint32(d.scratch[:0], uint32(r.KeySize()))
	d.scratch = r.AppendKey(d.scratch)
	d.scratch = binary.BigEndian.AppendUint32(d.scratch, uint32(len(r.KeyValue)))
	d.rev.Write(d.scratch)
	d.rev.Write(r.KeyValue)
}

// Finish completes the last revision and returns the digest of the whole range
// and the digests of its last TailLength revisions, oldest first. The digester
// can go on afterwards only with a new revision.
func (d *Digester) Finish() (Digest, []RevisionDigest) {
	if d.rev == nil {
		return sha256.Sum256(nil), nil
	}
	if d.open {
		d.finishRevision()
	}
	var whole Digest
	d.all.Sum(whole[:0])
	return whole, append([]RevisionDigest(nil), d.tail...)
}

func (d *Digester) finishRevision() {
	done := RevisionDigest{Revision: d.current}
	d.rev.Sum(done.Digest[:0])
	d.rev.Reset()
	d.all.Write(done.Digest[:])
	d.open = false
	if len(d.tail) == TailLength {
		copy(d.tail, d.tail[1:])
		d.tail = d.tail[:TailLength-1]
	}
	d.tail = append(d.tail, done)
	if d.onDone != nil {
		d.onDone(done)
	}
}

// JoinTails returns the digests of the last TailLength revisions of a history
// that was seen in two parts. Where now does not continue before, it is now.
func JoinTails(before, now []RevisionDigest) []RevisionDigest {
	if len(before) == 0 || len(now) == 0 || before[len(before)-1].Revision != now[0].Revision-1 {
		return now
	}
	joined := append(append([]RevisionDigest(nil), before...), now...)
	return joined[max(0, len(joined)-TailLength):]
}
