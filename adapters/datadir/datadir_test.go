package datadir_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/datadir"
	"github.com/revkeeper/revkeeper/tests/smalldisk"
)

func TestContract(t *testing.T) { contract.Run(t, "datadir", datadir.Dirs{}) }

func TestContractOfTheBuilder(t *testing.T) {
	contract.RunBuilder(t, "datadir", func(dir string) ports.SnapshotBuilder { return datadir.NewBuilder(dir) })
}

// The disk is full at the base, while records are applied, and at the very end,
// where the write-ahead log is set up.
func TestAFullDiskLeavesNothingBehind(t *testing.T) {
	smalldisk.Run(t, 8<<20, func(t *testing.T, disk string) {
		for name, c := range map[string]struct {
			base, records int64
			repack        bool
		}{
			"at the base": {9_000, 0, false}, "at the records": {100, 9_000, false}, "at the write-ahead log": {100, 10, false},
			"while it is repacked": {100, 5_000, true},
		} {
			dir := filepath.Join(disk, "data")
			err := restore(t, dir, c.base, c.records, c.repack)
			var said *fault.Error
			if !errors.Is(err, fault.Unavailable) || !errors.As(err, &said) || said.Remedy == "" {
				t.Errorf("%s: %v", name, err)
			}
			contract.Holds(t, disk)
		}
	})
}

func restore(t *testing.T, dir string, base, records int64, repack bool) error {
	t.Helper()
	s, err := datadir.Dirs{}.Stage(t.Context(), dir)
	if err != nil {
		return err
	}
	defer s.Discard()
	if _, err := s.Base(t.Context(), bytes.NewReader(contract.Snapshot(t, base, 1000))); err != nil {
		return err
	}
	if err := s.Apply(t.Context(), contract.Records(base+1, base+records, 1000)); err != nil {
		return err
	}
	if repack {
		if _, err := s.Repack(t.Context(), false); err != nil {
			return err
		}
	}
	_, err = s.Finish(t.Context(), ports.Finishing{Identity: contract.Identity(), DefaultTTL: 60})
	return err
}

// The file is extended ahead of the database, which must not show in the end.
func TestTheDatabaseIsAsLongAsItsPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := restore(t, dir, 100, 20_000, false); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "member", "snap", "db")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		if tx.Size() != info.Size() {
			t.Errorf("pages of %d bytes in a file of %d", tx.Size(), info.Size())
		}
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
