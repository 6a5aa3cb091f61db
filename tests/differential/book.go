package differential

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/lease/leasepb"

	"github.com/revkeeper/revkeeper/domain/record"
)

// entry is one pair of the bucket "key", as etcd's database has it.
type entry struct{ key, value []byte }

func (e entry) revision() record.Revision {
	rev, _, err := record.ParseKey(e.key)
	if err != nil {
		return record.Revision{}
	}
	return rev
}

func (e entry) String() string {
	var kv mvccpb.KeyValue
	about := hex.EncodeToString(e.value)
	if err := proto.Unmarshal(e.value, &kv); err == nil {
		about = kv.String()
	}
	_, tombstone, _ := record.ParseKey(e.key)
	rev := e.revision()
	return fmt.Sprintf("%d.%d tombstone=%v %.300s", rev.Main, rev.Sub, tombstone, about)
}

// book is the source's whole history, read from snapshots of its database before
// each compaction: what etcd itself does not hold any more at the end.
type book struct{ entries []entry }

// read adds what the member behind c has beyond what is known.
func (b *book) read(t testing.TB, c *clientv3.Client) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := snapshot(t, c, path); err != nil {
		t.Fatalf("snapshot of the source: %v", err)
	}
	err := view(path, func(tx *bolt.Tx) error {
		cursor := tx.Bucket([]byte("key")).Cursor()
		k, v := cursor.First()
		if n := len(b.entries); n > 0 {
			last := b.entries[n-1]
			if k, v = cursor.Seek(last.key); bytes.Equal(k, last.key) {
				k, v = cursor.Next()
			}
		}
		for ; k != nil; k, v = cursor.Next() {
			b.entries = append(b.entries, entry{bytes.Clone(k), bytes.Clone(v)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// snapshot writes a member's database to a file, without the digest after it.
func snapshot(t testing.TB, c *clientv3.Client, path string) error {
	r, err := c.Snapshot(t.Context())
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	return errors.Join(err, f.Truncate(n-n%512), f.Close())
}

func view(path string, f func(*bolt.Tx) error) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(db.View(f), db.Close())
}

// compare walks a restored bucket "key" beside the book up to a revision. Up to the
// revision that the restored history is compacted at, the book may have more; above
// it every byte is the same. It returns the first difference, "" for none.
func (b *book) compare(tx *bolt.Tx, compact, revision int64) string {
	i := 0
	upTo := func() bool { return i < len(b.entries) && b.entries[i].revision().Main <= revision }
	cursor := tx.Bucket([]byte("key")).Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		got := entry{k, v}
		for upTo() && b.entries[i].revision().Main <= compact && bytes.Compare(b.entries[i].key, k) < 0 {
			i++ // compacted away
		}
		switch {
		case !upTo():
			return fmt.Sprintf("restored is %s, which the source did not have up to %d", got, revision)
		case !bytes.Equal(b.entries[i].key, k) || !bytes.Equal(b.entries[i].value, v):
			return fmt.Sprintf("restored is %s\nthe source had %s", got, b.entries[i])
		}
		i++
	}
	for ; upTo(); i++ {
		if b.entries[i].revision().Main > compact {
			return fmt.Sprintf("%s is missing", b.entries[i])
		}
	}
	return ""
}

// leases reads the TTLs in a database's bucket "lease", by id.
func leases(tx *bolt.Tx) (map[int64]int64, error) {
	out := map[int64]int64{}
	return out, tx.Bucket([]byte("lease")).ForEach(func(_, v []byte) error {
		var l leasepb.Lease
		if err := proto.Unmarshal(v, &l); err != nil {
			return err
		}
		out[l.GetID()] = l.GetTTL()
		return nil
	})
}
