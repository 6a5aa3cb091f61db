package etcddb

import (
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/record"
)

func TestLiveKeys(t *testing.T) {
	put := func(main int64, version byte) record.Record {
		return record.Record{Revision: record.Revision{Main: main}, KeyValue: []byte{1<<3 | 2, 1, 'k', 4 << 3, version}}
	}
	gone := func(main int64) record.Record {
		return record.Record{Revision: record.Revision{Main: main}, Tombstone: true, KeyValue: record.AppendTombstone(nil, []byte("k"))}
	}
	for _, tc := range []struct {
		name    string
		compact int64
		records []record.Record
		want    int64
	}{
		{"nothing", 0, nil, 0},
		{"two came, one changed, one went", 0, []record.Record{put(2, 1), put(3, 1), put(4, 2), gone(5)}, 1},
		{"one came back", 0, []record.Record{put(2, 1), gone(3), put(4, 1)}, 1},
		{"compacted: each record left is a living key", 9, []record.Record{put(4, 7), put(8, 3), put(9, 1)}, 3},
		{"and then one changed, one went and one came", 9, []record.Record{put(4, 7), put(8, 3), put(10, 8), gone(11), put(12, 1)}, 2},
		{"a tombstone that compaction left at its revision", 9, []record.Record{put(4, 7), gone(9)}, 1},
		{"what a bump leaves is no key", 1000, []record.Record{put(4, 7), {Revision: record.Revision{Main: 1000}}}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			err = db.Update(func(tx *bolt.Tx) error {
				b, err := tx.CreateBucket(Key)
				if err != nil {
					return err
				}
				for _, r := range tc.records {
					if err := b.Put(r.AppendKey(nil), r.KeyValue); err != nil {
						return err
					}
				}
				got, err := LiveKeys(t.Context(), tx, tc.compact)
				if got != tc.want {
					t.Errorf("%d live keys, want %d", got, tc.want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
