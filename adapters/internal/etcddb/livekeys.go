package etcddb

import (
	"context"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/record"
)

// LiveKeys counts the keys that live at the end of a database, in one pass and
// without remembering any: at the compact revision each living key has one record,
// and after it a key comes with version 1 and goes with a tombstone. Where etcd was
// in the middle of a compaction, records that were still to go count too.
func LiveKeys(ctx context.Context, tx *bolt.Tx, compact int64) (int64, error) {
	var live int64
	n := 0
	c := tx.Bucket(Key).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		r, err := record.Parse(k, v)
		if err != nil {
			return 0, err
		}
		switch {
		case len(v) == 0: // what a revision bump leaves
		case r.Tombstone:
			if r.Main > compact {
				live--
			}
		case r.Main <= compact:
			live++
		default:
			version, err := record.Version(v)
			if err != nil {
				return 0, err
			}
			if version == 1 {
				live++
			}
		}
	}
	return max(0, live), nil
}
