package etcddb

import (
	"context"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/wire"
)

// Leases reads the leases that a database has records of: leasepb.Lease{ID: 1,
// TTL: 2} under the big-endian id (etcd server/storage/schema/lease.go). A record
// that is malformed is Corrupt.
func Leases(ctx context.Context, tx *bolt.Tx) ([]snapshot.Lease, error) {
	b := tx.Bucket(Lease)
	if b == nil {
		return nil, nil
	}
	var out []snapshot.Lease
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(out)%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(k) != 8 {
			return nil, fault.New(fault.Corrupt, "read lease", fmt.Sprintf("%x", k), "its id is not 8 bytes long")
		}
		l := snapshot.Lease{ID: int64(binary.BigEndian.Uint64(k)), State: snapshot.LeaseGranted}
		if err := wire.Each("lease", v, func(f wire.Field) {
			if f.Number == 2 {
				l.TTL = int64(f.Value)
			}
		}); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
