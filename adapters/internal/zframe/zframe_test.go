package zframe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// content is n bytes, half of them compressible.
func content(n int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([]byte, n)
	for i := range out {
		if i/1000%2 == 0 {
			out[i] = byte(rng.Uint32())
		}
	}
	return out
}

func compressed(t testing.TB, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	n, err := Compress(t.Context(), &out, bytes.NewReader(raw), 2, nil)
	if err != nil || n != int64(len(raw)) {
		t.Fatalf("Compress = %d, %v; want %d", n, err, len(raw))
	}
	return out.Bytes()
}

func decompress(src io.Reader) ([]byte, error) {
	r, err := NewReader(src)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 100, Size - 1, Size, Size + 1, 5*Size + 17} {
		raw := content(n)
		var tapped bytes.Buffer
		var out bytes.Buffer
		// One byte short reads, as a slow network gives them.
		got, err := Compress(t.Context(), &out, iotest.HalfReader(bytes.NewReader(raw)), 3, func(b []byte) error {
			tapped.Write(b)
			return nil
		})
		if err != nil || got != int64(n) || !bytes.Equal(tapped.Bytes(), raw) {
			t.Fatalf("%d bytes: %d, %v", n, got, err)
		}
		back, err := decompress(bytes.NewReader(out.Bytes()))
		if err != nil || !bytes.Equal(back, raw) {
			t.Errorf("%d bytes: read back %d, %v", n, len(back), err)
		}
		// Any zstd tool reads it as one stream.
		plain, err := zstd.NewReader(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		back, err = io.ReadAll(plain)
		plain.Close()
		if err != nil || !bytes.Equal(back, raw) {
			t.Errorf("%d bytes: an ordinary decoder reads %d, %v", n, len(back), err)
		}
	}
}

func TestAStreamThatSomebodyRecompressedIsRead(t *testing.T) {
	var out bytes.Buffer
	enc, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	raw := content(3 * Size)
	_, _ = enc.Write(raw)
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	back, err := decompress(bytes.NewReader(out.Bytes()))
	if err != nil || !bytes.Equal(back, raw) {
		t.Errorf("%d bytes, %v", len(back), err)
	}
	if _, err := decompress(bytes.NewReader(out.Bytes()[:out.Len()/2])); !errors.Is(err, fault.Corrupt) {
		t.Errorf("half of it: %v", err)
	}
}

func TestDamageIsCorrupt(t *testing.T) {
	raw := content(600)
	good := compressed(t, raw)
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		back, err := decompress(bytes.NewReader(bad))
		if err == nil && !bytes.Equal(back, raw) {
			t.Fatalf("byte %d flipped: other bytes came out, and no error", at)
		}
		if err != nil && !errors.Is(err, fault.Corrupt) {
			t.Fatalf("byte %d flipped: %v", at, err)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, err := decompress(bytes.NewReader(good[:n])); !errors.Is(err, fault.Corrupt) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(good), err)
		}
	}
}

// What the source says of a break is kept: it may be tried again, damage not.
func TestABrokenSourceIsNoDamage(t *testing.T) {
	lost := fault.Wrap(fault.Unavailable, "read", "", io.ErrUnexpectedEOF)
	good := compressed(t, content(5000))
	if _, err := decompress(io.MultiReader(bytes.NewReader(good[:100]), iotest.ErrReader(lost))); !errors.Is(err, fault.Unavailable) {
		t.Errorf("decompress: %v", err)
	}
	_, err := Compress(t.Context(), io.Discard, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(lost)), 2, nil)
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("compress: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestCompressEndsWithItsContextAndItsDisk(t *testing.T) {
	full := errors.New("disk full")
	if _, err := Compress(t.Context(), failing{full}, bytes.NewReader(content(9*Size)), 2, nil); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
	if _, err := Compress(t.Context(), io.Discard, bytes.NewReader(content(9*Size)), 2, func([]byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("a tap that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Compress(ctx, io.Discard, io.MultiReader(bytes.NewReader(content(3*Size)), endless{}), 2, func([]byte) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func FuzzReader(f *testing.F) {
	f.Add(compressed(f, content(300)))
	f.Add([]byte{})
	f.Add([]byte("no zstd at all"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := NewReader(bytes.NewReader(in))
		if err == nil {
			defer r.Close()
			_, err = io.Copy(io.Discard, io.LimitReader(r, 8<<20))
		}
		if err != nil && !errors.Is(err, fault.Corrupt) {
			t.Errorf("err = %v", err)
		}
	})
}
