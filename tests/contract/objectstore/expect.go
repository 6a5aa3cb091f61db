package objectstore

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/revkeeper/revkeeper/ports"
)

func create(ctx context.Context, s ports.ObjectStore, key, content string) error {
	return s.Create(ctx, key, strings.NewReader(content), int64(len(content)))
}

func mustCreate(t *testing.T, s ports.ObjectStore, key, content string) {
	t.Helper()
	if err := create(t.Context(), s, key, content); err != nil {
		t.Fatalf("Create(%q) = %v", key, err)
	}
}

func wantContent(t *testing.T, s ports.ObjectStore, key, want string) {
	t.Helper()
	r, err := s.Open(t.Context(), key, 0, -1)
	if err != nil {
		t.Errorf("Open(%q) = %v", key, err)
		return
	}
	got, err := io.ReadAll(r)
	if string(got) != want || err != nil {
		t.Errorf("%q reads %q, %v; want %q", key, got, err, want)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close(%q) = %v", key, err)
	}
}

func wantKeys(t *testing.T, s ports.ObjectStore, prefix, after string, want ...string) {
	t.Helper()
	var got []string
	for o, err := range s.List(t.Context(), prefix, after) {
		if err != nil {
			t.Errorf("List(%q, %q) = %v", prefix, after, err)
			return
		}
		got = append(got, o.Key)
	}
	if slices.Equal(got, want) {
		return
	}
	if len(got)+len(want) > 40 {
		t.Errorf("List(%q, %q) gives %d keys, want %d, or in another order", prefix, after, len(got), len(want))
		return
	}
	t.Errorf("List(%q, %q) = %q, want %q", prefix, after, got, want)
}

func listErr(ctx context.Context, s ports.ObjectStore) error {
	for _, err := range s.List(ctx, "", "") {
		if err != nil {
			return err
		}
	}
	return nil
}

func wantPattern(t *testing.T, s ports.ObjectStore, key string, want pattern, offset, length, size int64) {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Errorf("Open(%s, %d, %d) = %v", key, offset, length, err)
		return
	}
	defer closeQuietly(r)
	if length < 0 {
		length = size - offset
	}
	got, expected := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := offset; ; {
		n, err := io.ReadFull(r, got)
		_, _ = want.ReadAt(expected[:n], at)
		if string(got[:n]) != string(expected[:n]) {
			t.Errorf("%s differs from what was written between %d and %d", key, at, at+int64(n))
			return
		}
		at += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			if at != offset+length {
				t.Errorf("%s from %d ends at %d, want %d", key, offset, at, offset+length)
			}
			return
		}
		if err != nil {
			t.Errorf("%s at %d: %v", key, at, err)
			return
		}
	}
}

func closeQuietly(c io.Closer) {
	if c != nil {
		_ = c.Close()
	}
}

// pattern is an endless body whose bytes depend on their offset, so that parts
// put together in the wrong order are noticed.
type pattern struct{ seed uint64 }

// ReadAt implements io.ReaderAt.
func (p pattern) ReadAt(b []byte, offset int64) (int, error) {
	var word [8]byte
	for i := 0; i < len(b); {
		at := uint64(offset) + uint64(i)
		x := (at/8 + p.seed + 1) * 0x9e3779b97f4a7c15
		binary.LittleEndian.PutUint64(word[:], x^x>>29)
		i += copy(b[i:], word[at%8:])
	}
	return len(b), nil
}

// watched is a body that does something when it is read at an offset and that
// notices when it is read too late.
type watched struct {
	pattern

	mu     sync.Mutex
	offset int64
	strike func() error
	done   func() // called for a read after Create returned
}

func newWatched(p pattern) *watched { return &watched{pattern: p, offset: 1 << 62} }

// at calls do when a read reaches offset.
func (w *watched) at(offset int64, do func()) {
	w.offset, w.strike = offset, func() error { do(); return nil }
}

// fail makes reads that reach offset fail.
func (w *watched) fail(offset int64, err error) {
	w.offset, w.strike = offset, func() error { return err }
}

// returned says that Create returned: no read may follow.
func (w *watched) returned(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = func() { t.Error("the body was read after Create returned") }
}

// ReadAt implements io.ReaderAt.
func (w *watched) ReadAt(b []byte, offset int64) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done != nil {
		w.done()
	}
	if offset+int64(len(b)) > w.offset {
		if err := w.strike(); err != nil {
			return 0, err
		}
	}
	return w.pattern.ReadAt(b, offset)
}
