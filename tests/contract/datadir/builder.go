package datadir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// RunBuilder tests one implementation of ports.SnapshotBuilder; open returns one
// that works under a directory.
func RunBuilder(t *testing.T, implementation string, open func(dir string) ports.SnapshotBuilder) {
	t.Helper()
	t.Logf("contract suite of SnapshotBuilder, implementation: %s", implementation)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, b ports.SnapshotBuilder)
	}{
		{"it streams the base and what was applied, as etcd would", builds},
		{"it says how much room there is", saysRoom},
		{"it reads the history for the proof", readsHistory},
		{"it reads the history while the snapshot is read", readsBoth},
		{"it folds", buildsFolded},
		{"it reads the leases of the base", readsLeases},
		{"two builds do not meet", twoBuilds},
		{"a broken or damaged base is refused", badBuild},
		{"a stream ends with its context", endsWithContext},
		{"a stream may be left in the middle", leftInTheMiddle},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.run(t, open(dir))
			Holds(t, dir)
		})
	}
}

func saysRoom(t *testing.T, b ports.SnapshotBuilder) {
	dir, free, err := b.Free(t.Context())
	if err != nil || free <= 0 || dir == "" {
		t.Errorf("%d bytes in %q, %v", free, dir, err)
	}
}

func beginBuild(t *testing.T, b ports.SnapshotBuilder, base []byte) ports.StagedSnapshot {
	t.Helper()
	s, err := b.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Discard)
	if _, err := s.Base(t.Context(), bytes.NewReader(base)); err != nil {
		t.Fatal(err)
	}
	return s
}

func streamed(t *testing.T, s ports.StagedSnapshot, leases ...snapshot.Lease) ([]byte, ports.BuiltSnapshot) {
	t.Helper()
	built, err := s.Snapshot(t.Context(), leases, 60)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(built)
	if err := errors.Join(err, built.Close()); err != nil {
		t.Fatal(err)
	}
	return content, built
}

func builds(t *testing.T, b ports.SnapshotBuilder) {
	s := beginBuild(t, b, Snapshot(t, 10, 100))
	if err := s.Apply(t.Context(), Records(11, 5000, 1000)); err != nil {
		t.Fatal(err)
	}
	content, built := streamed(t, s, snapshot.Lease{ID: 7, State: snapshot.LeaseGranted, TTL: 100}, snapshot.Lease{ID: 8, State: snapshot.LeaseUnknown})
	s.Discard()
	if built.LeasesWritten != 2 || built.LeasesDefaulted != 1 || built.Size != int64(len(content)) || built.Facts.Last != 5000 || len(built.Facts.Tail) != 16 || len(content)%512 != sha256.Size {
		t.Fatalf("%+v, %d bytes", built, len(content))
	}
	database, trailer := content[:len(content)-sha256.Size], content[len(content)-sha256.Size:]
	if sum := sha256.Sum256(database); !bytes.Equal(sum[:], trailer) {
		t.Error("the SHA-256 at the end is another")
	}
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, database, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_ = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		for _, r := range append(Records(2, 10, 100), Records(11, 5000, 1000)...) {
			if got := tx.Bucket([]byte("key")).Get(r.AppendKey(nil)); !bytes.Equal(got, r.KeyValue) {
				t.Fatalf("revision %d: %d bytes", r.Main, len(got))
			}
		}
		if n := tx.Bucket([]byte("key")).Stats().KeyN; n != 4999 {
			t.Errorf("%d records", n)
		}
		for _, id := range []uint64{7, 8} {
			if tx.Bucket([]byte("lease")).Get(binary.BigEndian.AppendUint64(nil, id)) == nil {
				t.Errorf("lease %d has no record", id)
			}
		}
		return nil
	})
}

func readsHistory(t *testing.T, b ports.SnapshotBuilder) {
	s := beginBuild(t, b, Snapshot(t, 10, 100))
	defer s.Discard()
	if err := s.Apply(t.Context(), Records(11, 20, 100)); err != nil {
		t.Fatal(err)
	}
	h, err := s.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range h.Forward() {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 19 {
		t.Errorf("%d records", n)
	}
}

func readsBoth(t *testing.T, b ports.SnapshotBuilder) {
	s := beginBuild(t, b, Snapshot(t, 10, 100))
	defer s.Discard()
	if err := s.Apply(t.Context(), Records(11, 5000, 100)); err != nil {
		t.Fatal(err)
	}
	built, err := s.Snapshot(t.Context(), []snapshot.Lease{{ID: 7, State: snapshot.LeaseGranted, TTL: 100}}, 60)
	if err != nil {
		t.Fatal(err)
	}
	defer built.Close()
	read := make(chan error, 1)
	go func() {
		content, err := io.ReadAll(built)
		if err == nil && !bytes.Equal(Trailed(content[:len(content)-sha256.Size]), content) {
			err = errors.New("the SHA-256 at the end is another")
		}
		read <- err
	}()
	h, err := s.History(t.Context())
	if err != nil {
		<-read
		t.Fatal(err)
	}
	n := 0
	for _, err := range h.Backward() {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if err := <-read; err != nil || n != 4999 {
		t.Errorf("%d records, %v", n, err)
	}
}

func twoBuilds(t *testing.T, b ports.SnapshotBuilder) {
	one, other := beginBuild(t, b, Snapshot(t, 10, 100)), beginBuild(t, b, Snapshot(t, 20, 100))
	a, _ := streamed(t, one)
	one.Discard()
	c, _ := streamed(t, other)
	other.Discard()
	if bytes.Equal(a, c) {
		t.Error("both are the same")
	}
}

func badBuild(t *testing.T, b ports.SnapshotBuilder) {
	good := Snapshot(t, 10, 100)
	flipped := bytes.Clone(good)
	flipped[5000] ^= 1
	cause := errors.New("connection lost")
	for name, c := range map[string]struct {
		stream io.Reader
		want   error
	}{
		"cut":     {bytes.NewReader(good[:len(good)-100]), fault.Corrupt},
		"flipped": {bytes.NewReader(flipped), fault.Corrupt},
		"broken":  {&breaking{bytes.NewReader(good[:5000]), cause}, cause},
		"no etcd": {bytes.NewReader(Trailed(bytes.Repeat([]byte("x"), 8192))), fault.Corrupt},
	} {
		s, err := b.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Base(t.Context(), c.stream); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		s.Discard()
	}
}

func endsWithContext(t *testing.T, b ports.SnapshotBuilder) {
	s := beginBuild(t, b, Snapshot(t, 2000, 1000))
	ctx, cancel := context.WithCancel(t.Context())
	built, err := s.Snapshot(ctx, nil, 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(built, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, built); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	_ = built.Close()
	s.Discard()
}

func leftInTheMiddle(t *testing.T, b ports.SnapshotBuilder) {
	s := beginBuild(t, b, Snapshot(t, 2000, 1000))
	built, err := s.Snapshot(t.Context(), nil, 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(built, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := built.Close(); err != nil {
		t.Error(err)
	}
	s.Discard()
}

func readsLeases(t *testing.T, b ports.SnapshotBuilder) {
	first := beginBuild(t, b, Snapshot(t, 10, 100))
	if leases, err := first.Leases(t.Context()); err != nil || len(leases) != 0 {
		t.Errorf("%+v, %v", leases, err)
	}
	base, _ := streamed(t, first, snapshot.Lease{ID: -7, State: snapshot.LeaseGranted, TTL: 100}, snapshot.Lease{ID: 8, State: snapshot.LeaseUnknown})
	first.Discard()
	second := beginBuild(t, b, base)
	want := []snapshot.Lease{{ID: 8, State: snapshot.LeaseGranted, TTL: 60}, {ID: -7, State: snapshot.LeaseGranted, TTL: 100}}
	if err := second.Apply(t.Context(), Records(11, 20, 100)); err != nil {
		t.Fatal(err)
	}
	if leases, err := second.Leases(t.Context()); err != nil || !slices.Equal(leases, want) {
		t.Errorf("%+v, %v, want %+v", leases, err, want)
	}
}
