package spill

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestWhatWasWrittenReadsBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "made", "yet")
	rng := rand.New(rand.NewPCG(1, 1))
	for _, limit := range []int{0, 1, 100, 1 << 20} {
		b := New(dir, limit)
		var want []byte
		for range 50 {
			part := make([]byte, rng.IntN(40))
			for i := range part {
				part[i] = byte(rng.Uint32())
			}
			want = append(want, part...)
			if n, err := b.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
			if b.InMemory() > int64(limit) {
				t.Fatalf("%d bytes in memory, %d are allowed", b.InMemory(), limit)
			}
		}
		if b.Size() != int64(len(want)) {
			t.Errorf("size %d, want %d", b.Size(), len(want))
		}
		got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("limit %d: read %d bytes, %v", limit, len(got), err)
		}
		part := make([]byte, 30)
		if n, err := b.ReadAt(part, b.Size()-10); n != 10 || err != io.EOF || !bytes.Equal(part[:10], want[len(want)-10:]) {
			t.Errorf("limit %d: at the end %d, %v", limit, n, err)
		}
		if n, err := b.ReadAt(part, b.Size()+5); n != 0 || err != io.EOF {
			t.Errorf("limit %d: beyond the end %d, %v", limit, n, err)
		}
		b.Release()
		b.Release()
	}
	// Nothing has a name, so nothing can be left.
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v", info.Mode())
	}
}

func TestADirectoryThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := New(file, 3)
	if _, err := b.Write([]byte("abc")); err != nil {
		t.Errorf("what fits into memory: %v", err)
	}
	var said *fault.Error
	if _, err := b.Write([]byte("d")); !errors.As(err, &said) || said.Object != file {
		t.Errorf("err = %v", err)
	}
}

func TestAnyPartOfALargeBufferReadsBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	want := make([]byte, 4<<20)
	for i := range want {
		want[i] = byte(rng.Uint32())
	}
	for _, limit := range []int{3 << 20, 8 << 20} { // moved to disk on the way, or never
		b := New(t.TempDir(), limit)
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(300_000))
			if _, err := b.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		for range 200 {
			part := make([]byte, 1+rng.IntN(1<<20))
			at := rng.IntN(len(want) - len(part))
			if n, err := b.ReadAt(part, int64(at)); n != len(part) || err != nil || !bytes.Equal(part, want[at:at+n]) {
				t.Fatalf("limit %d: %d bytes at %d read as other ones: %d, %v", limit, len(part), at, n, err)
			}
		}
		b.Release()
	}
}
