package compat

import (
	"bytes"
	"compress/gzip"
	"compress/lzw"
	"compress/zlib"
	"io"
	"testing"
)

// wrappers are those that etcd-backup-restore knows, by the end of the name.
var wrappers = map[string]func(io.Writer) io.WriteCloser{
	"":      func(w io.Writer) io.WriteCloser { return plain{w} },
	".gz":   func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	".Z":    func(w io.Writer) io.WriteCloser { return lzw.NewWriter(w, lzw.LSB, 8) },
	".zlib": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

func wrap(t testing.TB, content []byte, wrapper string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := wrappers[wrapper](&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
