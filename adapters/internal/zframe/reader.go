package zframe

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Reader decompresses a stream of frames, or any other zstd stream: a full that
// somebody recompressed by hand stays readable.
type Reader struct {
	src   io.Reader
	dec   *zstd.Decoder
	plain io.Reader // set for a stream without our headers
	comp  []byte
	raw   []byte
	rest  []byte // of raw, not read yet
	at    int64  // in src, where the next frame begins
	err   error
}

// NewReader returns a Reader over src. The caller closes it; src stays open.
func NewReader(src io.Reader) (*Reader, error) {
	buffered := bufio.NewReaderSize(src, 64<<10)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(magic) == 4 && binary.LittleEndian.Uint32(magic) != skippableMagic {
		dec, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fault.Wrap(fault.Corrupt, "decompress", "", err)
		}
		return &Reader{dec: dec, plain: dec}, nil
	}
	dec, err := NewDecoder()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "decompress", "", err)
	}
	return &Reader{src: buffered, dec: dec}, nil
}

// Read implements io.Reader. Damage is Corrupt.
func (r *Reader) Read(p []byte) (int, error) {
	if r.plain != nil {
		n, err := r.plain.Read(p)
		if err != nil && err != io.EOF {
			err = fault.Wrap(fault.Corrupt, "decompress", "", err)
		}
		return n, err
	}
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.fill()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *Reader) fill() error {
	var f Frame
	var err error
	if f, r.comp, err = Read(r.src, r.comp); err != nil {
		return At(err, "frame", r.at)
	}
	if r.raw, err = Decode(f, r.raw, r.dec); err != nil {
		return At(err, "frame", r.at)
	}
	r.rest, r.at = r.raw, r.at+f.Stored()
	return nil
}

// Close releases the decoder.
func (r *Reader) Close() error {
	r.dec.Close()
	return nil
}
