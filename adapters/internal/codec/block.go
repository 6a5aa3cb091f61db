// Package codec frames records for delta objects. It knows nothing of etcd
// beyond domain/record; docs/format.md specifies what it writes.
package codec

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// blockHeader is two times and one main revision, eight bytes each.
const blockHeader = 24

// block builds the plain content of one frame: a run of records that may begin
// and end within a revision.
//
//	notBefore, notAfter  big-endian int64, microseconds since 1970 UTC
//	main                 big-endian int64, of the first record
//	sub                  uvarint, of the first record
//	records, each:
//	  uvarint            main's step from the record before (0 for the first) << 1 | tombstone
//	  uvarint            length of the KeyValue
//	  bytes              the KeyValue
//
// A record's sub revision is 0 where main steps, else one more than before.
type block struct {
	raw       []byte
	last      record.Revision
	records   int64
	notBefore time.Time
	notAfter  time.Time
}

func (b *block) empty() bool { return b.records == 0 }

func (b *block) reset() { *b = block{raw: b.raw[:0]} }

func (b *block) append(r record.Record, notBefore, notAfter time.Time) {
	step := r.Main - b.last.Main
	if b.empty() {
		step = 0
		b.notBefore, b.notAfter = notBefore, notAfter
		b.raw = append(b.raw[:0], make([]byte, blockHeader)...)
		binary.BigEndian.PutUint64(b.raw[16:], uint64(r.Main))
		b.raw = binary.AppendUvarint(b.raw, uint64(r.Sub))
	}
	head := uint64(step) << 1
	if r.Tombstone {
		head |= 1
	}
	b.raw = binary.AppendUvarint(b.raw, head)
	b.raw = binary.AppendUvarint(b.raw, uint64(len(r.KeyValue)))
	b.raw = append(b.raw, r.KeyValue...)
	b.last = r.Revision
	b.records++
	if notBefore.Before(b.notBefore) {
		b.notBefore = notBefore
	}
	if notAfter.After(b.notAfter) {
		b.notAfter = notAfter
	}
}

// finish fills in the header and returns the content.
func (b *block) finish() []byte {
	binary.BigEndian.PutUint64(b.raw, uint64(b.notBefore.UnixMicro()))
	binary.BigEndian.PutUint64(b.raw[8:], uint64(b.notAfter.UnixMicro()))
	return b.raw
}

// parseBlock reads a frame's content. The records alias raw.
func parseBlock(raw []byte) (recs []record.Record, notBefore, notAfter time.Time, err error) {
	corrupt := func(what string, at int) error {
		return fault.New(fault.Corrupt, "read block", "", fmt.Sprintf("%s at byte %d of %d", what, at, len(raw)))
	}
	if len(raw) < blockHeader+1 {
		return nil, notBefore, notAfter, corrupt("truncated header", 0)
	}
	notBefore = time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	notAfter = time.UnixMicro(int64(binary.BigEndian.Uint64(raw[8:]))).UTC()
	next := record.Revision{Main: int64(binary.BigEndian.Uint64(raw[16:]))}
	sub, n := binary.Uvarint(raw[blockHeader:])
	if n <= 0 || next.Main < 0 || int64(sub) < 0 {
		return nil, notBefore, notAfter, corrupt("bad first revision", blockHeader)
	}
	next.Sub = int64(sub)
	first := true
	for at := blockHeader + n; at < len(raw); {
		head, n := binary.Uvarint(raw[at:])
		if n <= 0 {
			return nil, notBefore, notAfter, corrupt("bad record head", at)
		}
		size, m := binary.Uvarint(raw[at+n:])
		start := at + n + m
		if m <= 0 || size > uint64(len(raw)-start) {
			return nil, notBefore, notAfter, corrupt("bad record length", at)
		}
		if step := int64(head >> 1); !first {
			if step > 0 {
				next = record.Revision{Main: next.Main + step}
			} else {
				next.Sub++
			}
		}
		first = false
		end := start + int(size)
		recs = append(recs, record.Record{Revision: next, Tombstone: head&1 == 1, KeyValue: raw[start:end:end]})
		at = end
	}
	if first {
		return nil, notBefore, notAfter, corrupt("no record", blockHeader)
	}
	return recs, notBefore, notAfter, nil
}
