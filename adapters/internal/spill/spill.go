// Package spill holds bytes in memory up to a limit and on disk beyond it.
package spill

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Buffer is written once and then read at random. The zero Buffer is not
// usable; New makes one. Writing is not safe for concurrent use, reading is.
type Buffer struct {
	dir   string
	limit int
	// chunks are of growing size: nothing is copied when there is more to hold.
	chunks [][]byte
	file   *os.File
	size   int64
}

// Sizes of chunks, in bytes. The first is small, for most buffers stay so.
const (
	firstChunk = 8 << 10
	maxChunk   = 1 << 20
)

// New returns a Buffer that keeps up to limit bytes in memory and moves to an
// unlinked file under dir when it grows beyond. The caller releases it.
func New(dir string, limit int) *Buffer { return &Buffer{dir: dir, limit: limit} }

// Write appends p. A full disk is Unavailable.
func (b *Buffer) Write(p []byte) (int, error) {
	if b.file == nil && b.size+int64(len(p)) > int64(b.limit) {
		if err := b.toDisk(); err != nil {
			return 0, err
		}
	}
	if b.file == nil {
		b.keep(p)
		b.size += int64(len(p))
		return len(p), nil
	}
	n, err := b.file.Write(p)
	b.size += int64(n)
	return n, diskError(b.dir, err)
}

// keep copies p into the last chunk and those after it.
func (b *Buffer) keep(p []byte) {
	for next := firstChunk; len(p) > 0; {
		if n := len(b.chunks); n > 0 {
			last := &b.chunks[n-1]
			fits := min(len(p), cap(*last)-len(*last))
			*last, p = append(*last, p[:fits]...), p[fits:]
			next = min(2*cap(*last), maxChunk)
		}
		if len(p) > 0 {
			b.chunks = append(b.chunks, make([]byte, 0, next))
		}
	}
}

func (b *Buffer) toDisk() error {
	f, err := Temporary(b.dir, "spill-")
	if err != nil {
		return err
	}
	for _, chunk := range b.chunks {
		if _, err := f.Write(chunk); err != nil {
			f.Close()
			return diskError(b.dir, err)
		}
	}
	b.file, b.chunks = f, nil
	return nil
}

// ReadAt implements io.ReaderAt.
func (b *Buffer) ReadAt(p []byte, off int64) (int, error) {
	if b.file != nil {
		return b.file.ReadAt(p, off)
	}
	n := 0
	for _, chunk := range b.chunks {
		if off < int64(len(chunk)) {
			n += copy(p[n:], chunk[off:])
			off = 0
		} else {
			off -= int64(len(chunk))
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size returns how many bytes were written.
func (b *Buffer) Size() int64 { return b.size }

// InMemory returns how many of them are held in memory.
func (b *Buffer) InMemory() int64 {
	if b.file != nil {
		return 0
	}
	return b.size
}

// Release frees memory and disk. It may be called twice.
func (b *Buffer) Release() {
	if b.file != nil {
		b.file.Close()
	}
	b.file, b.chunks = nil, nil
}

// Temporary opens a file under dir, made 0700 if need be, that vanishes with
// its last descriptor.
func Temporary(dir, prefix string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, diskError(dir, err)
	}
	f, err := os.CreateTemp(dir, prefix)
	if err != nil {
		return nil, diskError(dir, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, diskError(dir, err)
	}
	return f, nil
}

func diskError(dir string, err error) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Kind: fault.Internal, Op: "write spool", Object: dir, Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind, e.Remedy = fault.Unavailable, "free space there or point spool.dir at a larger file system"
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind, e.Remedy = fault.Invalid, "point spool.dir at a directory that revkeeper may write to"
	}
	return e
}
