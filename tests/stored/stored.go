// Package stored fills a store with fulls and deltas that can be restored, dated
// as a test wants them.
package stored

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Keys is how many keys the history writes, in turn: revision r puts key r mod Keys.
const Keys = 40

// Bucket is a store that a test fills.
type Bucket struct {
	t      testing.TB
	writer *revkeeper.Writer
	spool  string
	// Keys, if not 0, is how many keys the history writes instead of Keys.
	Keys int64
}

// New returns a Bucket over store.
func New(t testing.TB, store ports.ObjectStore) *Bucket {
	t.Helper()
	b := &Bucket{t: t, spool: t.TempDir()}
	var err error
	if b.writer, err = revkeeper.NewWriter(store, b.spool); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Bucket) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *Bucket) keys() int64 {
	if b.Keys != 0 {
		return b.Keys
	}
	return Keys
}

var (
	writer = snapshot.Writer{ClusterID: "cafe", MemberID: "a1", Member: "m1", Version: "test"}
	auth   = snapshot.Auth{Revision: 1} // as in a cluster without users
)

// Begin begins a timeline and returns its epoch.
func (b *Bucket) Begin(first int64, at time.Time) int {
	b.t.Helper()
	t, err := b.writer.Begin(b.t.Context(), timeline.Timeline{Reason: "test", First: first, BeganAt: at, Writer: writer})
	b.must(err)
	return t.Epoch
}

// change is what revision rev did.
func (b *Bucket) change(rev int64) record.Record {
	key := fmt.Sprintf("key%03d", rev%b.keys())
	var kv []byte
	text := func(field byte, s string) {
		kv = append(binary.AppendUvarint(append(kv, field<<3|2), uint64(len(s))), s...)
	}
	number := func(field byte, n int64) { kv = binary.AppendUvarint(append(kv, field<<3), uint64(n)) }
	version := (rev-2)/b.keys() + 1
	text(1, key)
	number(2, rev-(version-1)*b.keys())
	number(3, rev)
	number(4, version)
	text(5, fmt.Sprintf("value of revision %d", rev))
	return record.Record{Revision: record.Revision{Main: rev}, KeyValue: kv}
}

// history is what a database compacted at a revision holds.
func (b *Bucket) history(compact, last int64) Changes {
	var out Changes
	for rev := max(2, compact-b.keys()+1); rev <= last; rev++ {
		out = append(out, b.change(rev))
	}
	return out
}

// Delta stores the revisions first to last.
func (b *Bucket) Delta(epoch int, first, last int64, at time.Time) snapshot.Ref {
	b.t.Helper()
	draft := b.writer.Draft(1 << 20)
	for rev := first; rev <= last; rev++ {
		b.must(draft.Append(b.change(rev), at, at))
	}
	sealed, err := draft.Seal(snapshot.Envelope{Writer: writer, Epoch: epoch, Auth: auth, SealedAt: at})
	b.must(err)
	defer sealed.Release()
	b.must(b.writer.StoreDelta(b.t.Context(), sealed))
	return sealed.Ref
}

// Full stores a full of the revisions (compact, last] and, if proven, what a member
// would have answered for it.
func (b *Bucket) Full(epoch int, compact, last int64, at time.Time, proven bool) snapshot.Ref {
	b.t.Helper()
	history := b.history(compact, last)
	spooled, err := fullspool.New(b.spool).Spool(b.t.Context(), bytes.NewReader(Snapshot(b.t, b.spool, history, compact)), 0, chain.Range{})
	b.must(err)
	defer spooled.Release()
	full, err := b.writer.StoreFull(b.t.Context(), snapshot.Ref{Epoch: epoch, At: at.UTC().Truncate(time.Millisecond)},
		snapshot.Manifest{Writer: writer, Source: "a2", Auth: auth, TakenAt: at}, spooled)
	b.must(err)
	if !proven {
		return full.Ref
	}
	hash, err := proof.HashKV(history, last, compact)
	b.must(err)
	b.must(b.writer.StoreProof(b.t.Context(), epoch, proof.Recorded{
		Hash:     proof.Hash{HashKV: hash, Revision: last, Compact: compact},
		MemberID: "a2", ClusterID: "cafe", RecordedAt: at.UTC().Truncate(time.Millisecond),
	}))
	return full.Ref
}

// Snapshot is an etcd database with a history, as etcd's Snapshot sends it. It is
// made in dir, which is left as it was.
func Snapshot(t testing.TB, dir string, history Changes, compact int64) []byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true, NoFreelistSync: true, PageSize: 4096})
	must(err)
	must(db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{"key", "meta", "lease", "members", "members_removed", "cluster"} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		if compact > 0 {
			mark := record.Record{Revision: record.Revision{Main: compact}}.AppendKey(nil)
			must(tx.Bucket([]byte("meta")).Put([]byte("finishedCompactRev"), mark))
		}
		for _, r := range history {
			if err := tx.Bucket([]byte("key")).Put(r.AppendKey(nil), r.KeyValue); err != nil {
				return err
			}
		}
		return nil
	}))
	must(db.Close())
	content, err := os.ReadFile(path)
	must(err)
	must(os.Remove(path))
	sum := sha256.Sum256(content)
	return append(content, sum[:]...)
}

// Changes is a history in memory. It implements proof.History.
type Changes []record.Record

// Forward implements proof.History.
func (c Changes) Forward() iter.Seq2[record.Record, error] { return each(slices.Values(c)) }

// Backward implements proof.History.
func (c Changes) Backward() iter.Seq2[record.Record, error] {
	reversed := slices.Clone(c)
	slices.Reverse(reversed)
	return each(slices.Values(reversed))
}

func each(records iter.Seq[record.Record]) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}
