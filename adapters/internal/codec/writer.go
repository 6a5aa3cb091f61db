package codec

import (
	"crypto/sha256"
	"hash"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// SegmentWriter encodes records into one segment. It is not safe for concurrent
// use. A full block is compressed and written beside the filling of the next, by
// a goroutine that ends by itself; Finish and Stop wait for it.
type SegmentWriter struct {
	w       io.Writer
	enc     *zstd.Encoder
	stored  hash.Hash
	content record.Digester
	seq     record.Sequence
	block   block
	packing packing
	started bool
	seg     snapshot.Segment
	times   []snapshot.Instant
}

// packing is a block on its way to the underlying writer.
type packing struct {
	block block
	frame []byte
	done  chan struct{} // closed when it is written; nil if nothing is on its way
	err   error
}

// NewSegmentWriter returns a writer of a segment to w, which starts at offset
// of its object. enc is shared and stays open.
func NewSegmentWriter(w io.Writer, offset int64, enc *zstd.Encoder) *SegmentWriter {
	return &SegmentWriter{w: w, enc: enc, stored: sha256.New(),
		seg: snapshot.Segment{Offset: offset, Encoding: snapshot.SegmentEncoding}}
}

// Append adds the next record. A record that does not follow the one before is
// Corrupt; errors of the underlying writer are returned as they are.
func (s *SegmentWriter) Append(r record.Record, notBefore, notAfter time.Time) error {
	if !s.started {
		s.started = true
		s.seg.First = r.Main
		s.seq = record.After(r.Main - 1)
	}
	if err := s.seq.Next(r); err != nil {
		return err
	}
	s.content.Write(r)
	s.block.append(r, notBefore, notAfter)
	s.seg.Records++
	s.seg.Last = r.Main
	if len(s.block.raw) >= zframe.Size {
		return s.flush()
	}
	return nil
}

// Size estimates the bytes stored so far: what is written, and what is not yet
// at the ratio seen until now, or a third of it.
func (s *SegmentWriter) Size() int64 {
	open := int64(len(s.block.raw))
	if s.packing.done != nil {
		open += int64(len(s.packing.block.raw))
	}
	if s.seg.Raw > 0 {
		return s.seg.Length + open*s.seg.Length/s.seg.Raw
	}
	return open / 3
}

// Finish writes what is left and returns the segment's description, its times
// and the digests of its last revisions. An empty segment is Invalid.
func (s *SegmentWriter) Finish() (snapshot.Segment, []snapshot.Instant, []record.RevisionDigest, error) {
	if !s.started {
		return s.seg, nil, nil, fault.New(fault.Invalid, "finish segment", "", "it holds no record")
	}
	if !s.block.empty() {
		if err := s.flush(); err != nil {
			return s.seg, nil, nil, err
		}
	}
	if err := s.Stop(); err != nil {
		return s.seg, nil, nil, err
	}
	var tail []record.RevisionDigest
	s.seg.Canon, tail = s.content.Finish()
	s.stored.Sum(s.seg.SHA256[:0])
	return s.seg, s.times, tail, nil
}

// flush sends the block on its way once the one before has arrived, and makes
// room for the next.
func (s *SegmentWriter) flush() error {
	if err := s.Stop(); err != nil {
		return err
	}
	p := &s.packing
	s.block, p.block = p.block, s.block
	s.block.reset()
	s.times = append(s.times, snapshot.Instant{Revision: p.block.last.Main,
		NotBefore: p.block.notBefore.UTC().Truncate(time.Microsecond), NotAfter: p.block.notAfter.UTC().Truncate(time.Microsecond)})
	done := make(chan struct{})
	p.done = done
	go func() {
		defer close(done)
		p.frame = zframe.Append(p.frame[:0], p.block.finish(), s.enc)
		s.stored.Write(p.frame)
		_, p.err = s.w.Write(p.frame)
	}()
	return nil
}

// Stop waits for the block on its way, if there is one, and returns why it could
// not be written. The underlying writer is then the caller's again.
func (s *SegmentWriter) Stop() error {
	p := &s.packing
	if p.done == nil {
		return p.err
	}
	<-p.done
	p.done = nil
	s.seg.Raw += int64(len(p.block.raw))
	s.seg.Length += int64(len(p.frame))
	return p.err
}
