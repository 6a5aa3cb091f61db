// Package zframe writes zstd in independent frames of about 1 MiB, so that many
// cores can share the work in both directions while any zstd tool still reads
// the result as one stream.
//
// Before each frame stands a skippable frame (RFC 8878 §3.1.2) of 16 bytes with
// the sizes of the one that follows: magic 0x184D2A5B, 8, compressed size, raw
// size, each a little-endian uint32. Ordinary decoders pass over it.
package zframe

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// Size is how much raw data a frame holds at most where the content can be
	// cut anywhere.
	Size = 1 << 20

	// MaxRaw bounds the raw size a reader accepts, and with it its memory. It
	// leaves room for a record of the largest request that etcd can be told to
	// accept in practice.
	MaxRaw = 256 << 20

	// trusted is how much memory a header alone may cause to be set aside.
	trusted = 4 * Size

	headerSize     = 16
	skippableMagic = 0x184D2A5B
)

// NewEncoder returns an encoder for Append at zstd's fastest level, on which up
// to workers goroutines may work at once.
func NewEncoder(workers int) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(true),
		zstd.WithEncoderConcurrency(workers), zstd.WithWindowSize(Size))
}

// NewDecoder returns a decoder for Decode.
func NewDecoder() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxRaw))
}

// Append compresses raw into one frame and appends its header and it to dst.
func Append(dst, raw []byte, enc *zstd.Encoder) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	dst = enc.EncodeAll(raw, dst)
	h := dst[at:]
	binary.LittleEndian.PutUint32(h, skippableMagic)
	binary.LittleEndian.PutUint32(h[4:], headerSize-8)
	binary.LittleEndian.PutUint32(h[8:], uint32(len(dst)-at-headerSize))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(raw)))
	return dst
}

// Frame is one compressed frame as it was read.
type Frame struct {
	Raw        int // bytes when decompressed
	Compressed []byte
}

// Read reads the next frame into buf, which it grows as needed and which the
// frame aliases. It returns io.EOF at a clean end and Corrupt for anything that
// Append did not write.
func Read(r io.Reader, buf []byte) (Frame, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		if err == io.EOF {
			return Frame{}, buf, io.EOF
		}
		return Frame{}, buf, broken(err)
	}
	size, raw := binary.LittleEndian.Uint32(header[8:]), binary.LittleEndian.Uint32(header[12:])
	if binary.LittleEndian.Uint32(header[:]) != skippableMagic || binary.LittleEndian.Uint32(header[4:]) != headerSize-8 {
		return Frame{}, buf, fault.New(fault.Corrupt, "read frame", "", "no frame header where one must be")
	}
	if raw > MaxRaw || size > MaxRaw {
		return Frame{}, buf, fault.New(fault.Corrupt, "read frame", "", fmt.Sprintf("frame of %d bytes, at most %d are read", max(raw, size), MaxRaw))
	}
	// A damaged header must not cost memory that no frame needs.
	for buf = buf[:0]; len(buf) < int(size); {
		from, step := len(buf), min(int(size)-len(buf), max(trusted, len(buf)))
		buf = slices.Grow(buf, step)[:from+step]
		if _, err := io.ReadFull(r, buf[from:]); err != nil {
			return Frame{}, buf, broken(err)
		}
	}
	return Frame{Raw: int(raw), Compressed: buf}, buf, nil
}

// Stored is how many bytes the frame takes with its header.
func (f Frame) Stored() int64 { return headerSize + int64(len(f.Compressed)) }

// At says of damage where in its object it is: in what begins at offset, in bytes.
// Other errors are returned as they are.
func At(err error, what string, offset int64) error {
	if err == nil || fault.KindOf(err) != fault.Corrupt {
		return err
	}
	return fault.Wrap(fault.Corrupt, "read", fmt.Sprintf("%s at offset %d", what, offset), err)
}

// Decode decompresses a frame into dst[:0], which it grows as needed.
func Decode(f Frame, dst []byte, dec *zstd.Decoder) ([]byte, error) {
	if first := min(f.Raw, max(trusted, 64*len(f.Compressed))); cap(dst) < first {
		dst = make([]byte, 0, first)
	}
	out, err := dec.DecodeAll(f.Compressed, dst[:0])
	if err != nil {
		return out, fault.Wrap(fault.Corrupt, "decompress", "frame", err)
	}
	if len(out) != f.Raw {
		return out, fault.New(fault.Corrupt, "decompress", "frame", fmt.Sprintf("%d bytes, the header says %d", len(out), f.Raw))
	}
	return out, nil
}

// broken keeps the kind of an error that the source classified, such as a lost
// connection, and calls a stream that merely ends too early Corrupt.
func broken(err error) error {
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		return fault.Wrap(fault.Corrupt, "read frame", "", io.ErrUnexpectedEOF)
	}
	return err
}
