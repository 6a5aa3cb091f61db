package datadir

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/domain/record"
)

// Snapshot returns what etcd would stream for a database with the buckets that
// every etcd has and the records of revisions 2 to last, each with a value of
// size bytes.
func Snapshot(t testing.TB, last int64, size int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"key", "meta", "lease", "members", "members_removed", "cluster", "alarm", "auth", "authUsers", "authRoles"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		for _, r := range Records(2, last, size) {
			if err := tx.Bucket([]byte("key")).Put(r.AppendKey(nil), r.KeyValue); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return append(content, sum[:]...)
}

// Records returns one record a revision.
func Records(first, last int64, size int) []record.Record {
	var out []record.Record
	value := binary.AppendUvarint([]byte("\x0a\x01k\x2a"), uint64(size)) // key "k", then the value's field
	value = append(value, bytes.Repeat([]byte{'v'}, size)...)
	for rev := first; rev <= last; rev++ {
		out = append(out, record.Record{Revision: record.Revision{Main: rev}, KeyValue: value})
	}
	return out
}

// Trailed appends the SHA-256 that ends a snapshot stream.
func Trailed(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append(bytes.Clone(content), sum[:]...)
}

// breaking ends with err instead of io.EOF.
type breaking struct {
	*bytes.Reader
	err error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.Len() == 0 {
		return 0, b.err
	}
	return b.Reader.Read(p)
}
