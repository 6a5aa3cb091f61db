package codec

import (
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// ReadSegment reads a segment from r, which yields exactly its stored bytes,
// and calls visit with each block in order; the records are the visitor's to
// keep. When it returns nil, every stored byte, every frame's checksum of its
// content and every revision were what seg says. visit has then seen nothing
// wrong; after an error it may have. Errors of visit and of r are returned as
// they are. The records' digest follows from these bytes and is not computed
// again: that would cost a restore a fifth of its time.
func ReadSegment(r io.Reader, seg snapshot.Segment, dec *zstd.Decoder, visit func(recs []record.Record, notBefore, notAfter time.Time) error) error {
	if seg.Encoding != snapshot.SegmentEncoding {
		return fault.New(fault.Unsupported, "read segment", "", fmt.Sprintf("encoding %q is not known", seg.Encoding)).
			WithRemedy("use a newer revkeeper")
	}
	stored := sha256.New()
	in := io.TeeReader(io.LimitReader(r, seg.Length), stored)
	seq := record.After(seg.First - 1)
	var comp []byte
	var count int64
	at := seg.Offset
	for {
		var f zframe.Frame
		var err error
		if f, comp, err = zframe.Read(in, comp); err == io.EOF {
			break
		} else if err != nil {
			return zframe.At(err, "frame", at)
		}
		recs, notBefore, notAfter, err := next(f, &seq, dec)
		if err != nil {
			return zframe.At(err, "frame", at)
		}
		at += f.Stored()
		count += int64(len(recs))
		if err := visit(recs, notBefore, notAfter); err != nil {
			return err
		}
	}
	return zframe.At(verify(seg, count, seq.Last(), record.Digest(stored.Sum(nil))), "segment", seg.Offset)
}

// next returns the records of a frame, which must follow those before it.
func next(f zframe.Frame, seq *record.Sequence, dec *zstd.Decoder) (recs []record.Record, notBefore, notAfter time.Time, err error) {
	raw, err := zframe.Decode(f, nil, dec)
	if err != nil {
		return nil, notBefore, notAfter, err
	}
	if recs, notBefore, notAfter, err = parseBlock(raw); err != nil {
		return nil, notBefore, notAfter, err
	}
	for _, rec := range recs {
		if err := seq.Next(rec); err != nil {
			return nil, notBefore, notAfter, err
		}
	}
	return recs, notBefore, notAfter, nil
}

func verify(seg snapshot.Segment, count, last int64, stored record.Digest) error {
	wrong := ""
	switch {
	case stored != seg.SHA256:
		wrong = fmt.Sprintf("stored bytes hash to %.16s…, want %.16s…", stored, seg.SHA256)
	case count != seg.Records || last != seg.Last:
		wrong = fmt.Sprintf("%d records up to revision %d, want %d up to %d", count, last, seg.Records, seg.Last)
	default:
		return nil
	}
	return fault.New(fault.Corrupt, "read segment", "", wrong)
}
