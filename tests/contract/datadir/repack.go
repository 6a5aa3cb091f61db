package datadir

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/ports"
)

// holey writes a database of many free pages that ends at revision 20.
func holey(t *testing.T, s ports.StagedDatabase) {
	t.Helper()
	if _, err := s.Base(t.Context(), bytes.NewReader(Snapshot(t, 3000, 1000))); err != nil {
		t.Fatal(err)
	}
	if err := s.DropAfter(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), Records(11, 20, 1000)); err != nil {
		t.Fatal(err)
	}
}

// repacked looks into a database that was holey: it must be sound, without holes
// and as etcd would have it.
func repacked(t *testing.T, path string, want []record.Record, buckets int, compact int64) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		n := 0
		_ = tx.ForEach(func([]byte, *bolt.Bucket) error { n++; return nil })
		if n != buckets {
			t.Errorf("%d buckets, want %d", n, buckets)
		}
		c := tx.Bucket([]byte("key")).Cursor()
		k, v := c.First()
		for _, r := range want {
			if !bytes.Equal(k, r.AppendKey(nil)) || !bytes.Equal(v, r.KeyValue) {
				t.Errorf("%x stands where %v belongs", k, r.Revision)
			}
			k, v = c.Next()
		}
		if k != nil {
			t.Errorf("%x is too much", k)
		}
		for _, mark := range []string{"scheduledCompactRev", "finishedCompactRev"} {
			at := tx.Bucket([]byte("meta")).Get([]byte(mark))
			var rev record.Revision
			if at != nil {
				if rev, _, err = record.ParseKey(at); err != nil {
					t.Error(err)
				}
			}
			if rev.Main != compact {
				t.Errorf("%s is %d, want %d", mark, rev.Main, compact)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if free := db.Stats().FreePageN + db.Stats().PendingPageN; free > 20 {
		t.Errorf("%d free pages", free)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 256<<10 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}

func repacks(t *testing.T, d ports.DataDir) {
	all := append(Records(2, 10, 1000), Records(11, 20, 1000)...)
	for name, c := range map[string]struct {
		fold    bool
		bump    int64
		want    []record.Record
		compact int64
	}{
		"defragmented":      {false, 0, all, 0},
		"folded":            {true, 0, all[len(all)-1:], 20},
		"folded and bumped": {true, 1000, append(all[len(all)-1:len(all):len(all)], record.Record{Revision: record.Revision{Main: 1000}}), 1000},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := stage(t, d, dir)
			holey(t, s)
			out, err := s.Repack(t.Context(), c.fold)
			if err != nil || out.RecordsBefore != len(all) || out.RecordsAfter != len(c.want)-min(1, int(c.bump)) || out.BytesBefore <= out.BytesAfter {
				t.Fatalf("%+v, %v", out, err)
			}
			h, err := s.History(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for range h.Forward() {
				n++
			}
			if n != out.RecordsAfter {
				t.Errorf("%d records are there afterwards, %d were said to be", n, out.RecordsAfter)
			}
			if _, err := s.Finish(t.Context(), ports.Finishing{Identity: Identity(), DefaultTTL: 60, BumpTo: c.bump}); err != nil {
				t.Fatal(err)
			}
			Holds(t, dir, "member")
			Holds(t, filepath.Join(dir, "member", "snap"), "0000000000000001-0000000000000001.snap", "db")
			repacked(t, filepath.Join(dir, "member", "snap", "db"), c.want, 10, c.compact)
		})
	}
	t.Run("left after it", func(t *testing.T) {
		dir := t.TempDir()
		s := stage(t, d, dir)
		holey(t, s)
		if _, err := s.Repack(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		s.Discard()
		Holds(t, dir)
	})
}

func buildsFolded(t *testing.T, b ports.SnapshotBuilder) {
	s, err := b.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	holey(t, s)
	if _, err := s.Repack(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	content, built := streamed(t, s)
	if f := built.Facts; f.Last != 20 || f.Compact != 20 || built.Size != int64(len(content)) {
		t.Errorf("%+v, %d bytes", built, len(content))
	}
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, bytes.TrimSuffix(content, content[len(content)-32:]), 0o600); err != nil {
		t.Fatal(err)
	}
	repacked(t, path, Records(20, 20, 1000), 10, 20)
}
