package fullspool_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/contract/datadir"
	"github.com/revkeeper/revkeeper/tests/smalldisk"
)

func TestASnapshotIsCheckedCompressedAndRead(t *testing.T) {
	dir := t.TempDir()
	good := datadir.Snapshot(t, 3000, 1000)
	out, err := fullspool.New(dir).Spool(t.Context(), iotest.HalfReader(bytes.NewReader(good)), 0, chain.Range{First: 2990, Last: 2995})
	if err != nil {
		t.Fatal(err)
	}
	if f := out.Facts; f.Last != 3000 || f.Compact != 0 || len(f.Tail) != 16 || len(f.Wanted) != 6 || f.Wanted[0].Revision != 2990 {
		t.Errorf("facts %+v", f)
	}
	if n := out.Facts.LiveKeys; n == nil {
		t.Error("nobody counted the live keys")
	}
	if out.Size != int64(len(good)) || out.StoredSize >= out.Size {
		t.Errorf("%d bytes, stored %d", out.Size, out.StoredSize)
	}
	plain, err := zstd.NewReader(io.NewSectionReader(out.Body, 0, out.StoredSize))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if back, err := io.ReadAll(plain); err != nil || !bytes.Equal(back, good) {
		t.Errorf("read back %d bytes, %v", len(back), err)
	}
	out.Release()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestWhatIsNoSnapshotIsRefused(t *testing.T) {
	good := datadir.Snapshot(t, 100, 100)
	flipped := bytes.Clone(good)
	flipped[5000] ^= 1
	trailer := bytes.Clone(good)
	trailer[len(good)-1] ^= 1
	lost := fault.Wrap(fault.Unavailable, "read snapshot", "", io.ErrUnexpectedEOF)
	for name, c := range map[string]struct {
		stream io.Reader
		want   fault.Kind
	}{
		"flipped":              {bytes.NewReader(flipped), fault.Corrupt},
		"another trailer":      {bytes.NewReader(trailer), fault.Corrupt},
		"truncated":            {bytes.NewReader(good[:len(good)-512]), fault.Corrupt},
		"no trailer":           {bytes.NewReader(good[:len(good)-32]), fault.Corrupt},
		"empty":                {bytes.NewReader(nil), fault.Corrupt},
		"not a database":       {bytes.NewReader(datadir.Trailed(bytes.Repeat([]byte("junk"), 4096))), fault.Corrupt},
		"a connection is lost": {io.MultiReader(bytes.NewReader(good[:700]), iotest.ErrReader(lost)), fault.Unavailable},
	} {
		dir := t.TempDir()
		if _, err := fullspool.New(dir).Spool(t.Context(), c.stream, 0, chain.Range{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

func TestACancelledSpoolEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fullspool.New(t.TempDir()).Spool(ctx, bytes.NewReader(datadir.Snapshot(t, 10, 10)), 0, chain.Range{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestAFullDisk(t *testing.T) {
	smalldisk.Run(t, 1<<20, func(t *testing.T, disk string) {
		_, err := fullspool.New(disk).Spool(t.Context(), bytes.NewReader(datadir.Snapshot(t, 3000, 1000)), 0, chain.Range{})
		if !errors.Is(err, fault.Unavailable) {
			t.Errorf("err = %v", err)
		}
		datadir.Holds(t, disk)
		small, err := fullspool.New(disk).Spool(t.Context(), bytes.NewReader(datadir.Snapshot(t, 10, 10)), 0, chain.Range{})
		if err != nil {
			t.Fatalf("afterwards a small one: %v", err)
		}
		small.Release()
	})
}

// A database that cannot fit is refused before anything is written.
func TestTooLittleRoomIsRefusedAtOnce(t *testing.T) {
	_, err := fullspool.New(t.TempDir()).Spool(t.Context(), bytes.NewReader(datadir.Snapshot(t, 10, 10)), 1<<60, chain.Range{})
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "spool.dir") {
		t.Errorf("got %v", err)
	}
}
