package gardener

import (
	"bufio"
	"compress/gzip"
	"compress/lzw"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// content is an object without its wrapper, as a stream. It names the object in
// every error, and holds a few hundred KiB at most.
type content struct {
	key    string
	body   io.ReadCloser // of the store
	failed error         // of the store, which is no damage
	stored int64         // bytes read of the object
	buf    *bufio.Reader // of this content, as stored; what is left after the wrapper's end is damage
	plain  io.Reader
}

// open streams an object. The caller closes it.
func (a *Archive) open(ctx context.Context, ref snapshot.Ref) (*content, error) {
	body, err := a.store.Open(ctx, ref.Key(), 0, -1)
	if err != nil {
		return nil, err
	}
	c := &content{key: ref.Key(), body: body}
	c.buf = bufio.NewReaderSize(source{c}, 128<<10)
	if c.plain, err = unwrap(c.buf, ref.Compression); err != nil {
		return nil, errors.Join(c.judge(err), body.Close())
	}
	return c, nil
}

// unwrap undoes a wrapper. Each of them reads byte by byte from a bufio.Reader, so
// what follows its end stays there.
func unwrap(stored *bufio.Reader, wrapper snapshot.Compression) (io.Reader, error) {
	switch wrapper {
	case snapshot.Uncompressed:
		return stored, nil
	case snapshot.Gzip:
		return gzip.NewReader(stored)
	case snapshot.Zlib:
		return zlib.NewReader(stored)
	case snapshot.LZW:
		return lzw.NewReader(stored, lzw.LSB, 8), nil
	}
	return nil, fault.New(fault.Unsupported, "decompress", "", fmt.Sprintf("%q is no wrapper of etcd-backup-restore", wrapper))
}

// source reads the stored bytes and remembers why that failed.
type source struct{ c *content }

func (s source) Read(p []byte) (int, error) {
	n, err := s.c.body.Read(p)
	s.c.stored += int64(n)
	if err != nil && err != io.EOF {
		s.c.failed = err
	}
	return n, err
}

// Read implements io.Reader. What cannot be decompressed, or goes on after its
// end, is Corrupt.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.plain.Read(p)
	switch err { //nolint:errorlint // readers return these two bare
	case nil:
		return n, nil
	case io.EOF:
		if _, err := c.buf.ReadByte(); err == nil {
			return n, c.judge(errors.New("bytes after the end of the compressed stream"))
		} else if err != io.EOF { //nolint:errorlint // as above
			return n, c.judge(err)
		}
		return n, io.EOF
	}
	return n, c.judge(err)
}

// judge gives an error its kind: the store's own where that is what failed.
func (c *content) judge(err error) error {
	if c.failed != nil {
		return &fault.Error{Kind: fault.KindOf(c.failed), Op: "read", Object: c.key, Err: c.failed}
	}
	return damaged(c.key, err)
}

// damaged names the object of an error that is its content's fault, unless the
// error has another kind of its own.
func damaged(key string, err error) error {
	e := &fault.Error{Kind: fault.Corrupt, Op: "read", Object: key, Err: err}
	var known *fault.Error
	if errors.As(err, &known) {
		if known.Object == key {
			return err
		}
		e.Kind = known.Kind
	}
	if e.Kind == fault.Corrupt {
		e.Remedy = "the object is damaged; a restore plans around it where another path exists"
	}
	return e
}

// Close implements io.Closer.
func (c *content) Close() error { return c.body.Close() }
